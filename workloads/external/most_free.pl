#!/usr/bin/env perl
# The node with most free cpu; schedbench filters. Needs Perl 5.14 with JSON::PP.
use strict;
use warnings;
use JSON::PP;

$| = 1;    # every line goes out at once
my (%free, %cpu, %where);    # node → millicores, class → millicores, pod → both

sub bind_pod {
    my ($pod, $class, $node) = @_;
    $where{$pod} = [$node, $cpu{$class}];
    $free{$node} -= $cpu{$class};
}

sub release {
    my ($node, $amount) = @{ delete $where{ $_[0] } };
    $free{$node} += $amount;
}

while (my $line = <STDIN>) {
    my $message = decode_json($line);
    my $type = $message->{type};
    if ($type eq 'hello') {
        print encode_json({ type => 'hello', protocol => 1, name => 'most-free',
                capabilities => ['feasible'] }), "\n";
    } elsif ($type eq 'classes') {
        $cpu{ $_->{class} } = $_->{requests}{cpu} // 0 for @{ $message->{classes} };
    } elsif ($type eq 'cluster' or $type eq 'events') {
        release($_) for @{ $message->{gone} // [] };
        for my $node (@{ $message->{nodes} }) {
            my $name = $node->{name};
            $free{$name} = $node->{allocatable}{cpu} // 0;
            $free{$name} -= $_->[1] for grep { $_->[0] eq $name } values %where;
        }
        bind_pod($_->{pod}, $_->{class}, $_->{node}) for @{ $message->{bound} // [] };
    } elsif ($type eq 'pods') {
        my $asked = $message->{pods}[0];
        my ($best) = sort { $free{$b} <=> $free{$a} or $a cmp $b } @{ $asked->{feasible} };
        bind_pod($asked->{pod}, $asked->{class}, $best);
        my $decision = { pod => 0 + $asked->{pod}, node => $best };    # a number, not a text
        print encode_json({ type => 'decisions', decisions => [$decision] }), "\n";
    }
}
