"""How fast schedbench is: the suite, the scaling studies, the figures to reach."""
