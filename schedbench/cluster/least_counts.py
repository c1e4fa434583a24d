"""The least count of a counter over its domains, kept on every bind and release.

Hard spread constraints compare each domain with the emptiest one. Where every node is
a domain, to look for it takes as long as a whole decision.
"""

from __future__ import annotations

from schedbench.cluster.layout import NO_COUNT, DomainState
from schedbench.jit import kernel


@kernel
def find_least_counts(domains: DomainState) -> None:
    """Find the least counts of the counters that keep them."""
    for counter in range(domains.ranked.size):
        if domains.ranked[counter]:
            find_least_count(domains, counter)


@kernel
def find_least_count(domains: DomainState, counter: int) -> None:
    """Find the least count of a counter, and how many domains have it."""
    least, times, found = NO_COUNT, 0, 0
    for place in range(domains.start[counter], domains.start[counter + 1]):
        if domains.present[place] > 0:
            found += 1
            if domains.counts[place] < least:
                least = domains.counts[place]
                times = 0
            times += domains.counts[place] == least
    domains.least[counter] = least
    domains.least_times[counter] = times
    domains.found[counter] = found


@kernel
def keep_least_count(domains: DomainState, counter: int, before: int, now: int) -> None:
    """Note that the count of a domain which has eligible nodes changed."""
    if now < domains.least[counter]:
        domains.least[counter] = now
        domains.least_times[counter] = 1
        return
    domains.least_times[counter] += now == domains.least[counter]
    domains.least_times[counter] -= before == domains.least[counter]
    if domains.least_times[counter] == 0:
        find_least_count(domains, counter)
