"""What classes of pods remember between decisions, so that one costs a few nodes.

For each class in the index: the total of every node by the scores that look at that
node alone, and the cell of the node. Nodes share a cell if everything else is the same
for them: the domains that the class's terms read, the raw scores that normalizers
compare, and the counts of terms by which every node is a domain of its own. A cell
knows, over blocks of 64 nodes, its members, the greatest total and who has it; over
chunks of 64 blocks, the greatest total and how many have it.

A decision evaluates the nodes that changed since the class was decided last (`decide`),
moves them between cells (`cells`), asks the domains' counts for the verdict and the
normalized scores of each cell (`coupled`), and takes the best node of the best cells
(`choose`), of all nodes or of the window that adaptive sampling looks at (`window`).
So a change in a zone touches no node of the zone.

Where a class cannot be in the index, or finds no feasible node, the scan decides.
"""
