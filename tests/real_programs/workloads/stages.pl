# The perl case. Each stage prints its name and a checksum that depends on everything it made; the
# numbers come from a generator of our own, so that every run does the same. Stages: hashes that
# grow and shrink, strings that are appended and cut, regular expressions, sorting, nested
# structures and their clones, children made by fork, and interpreter threads (each a deep copy of
# the interpreter).
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Storable qw(dclone freeze thaw);

my $state = 12345;
sub number { $state = ($state * 1103515245 + 12345) & 0x7fffffff; return ($state >> 8) % $_[0]; }
sub report { my ($name, @made) = @_; print "$name ", md5_hex(join "\0", @made), "\n"; }

sub hashes {
  my %seen;
  for my $i (1 .. 150_000) {
    my $key = "key" . number(40_000);
    if (number(4) == 0) { delete $seen{$key} }
    else { $seen{$key} .= chr(97 + $i % 26) x (1 + number(12)) }
  }
  return map { "$_=$seen{$_}" } sort keys %seen;
}

sub texts {
  my ($text, @pieces) = ("");
  for my $i (1 .. 60_000) {
    $text .= sprintf "%x-%s,", number(1 << 20), "ab" x number(9);
    if (length $text > 50_000) { push @pieces, substr($text, number(1000), 20_000); $text = substr $text, 45_000 }
  }
  return (@pieces, $text, join("", reverse split //, $text), uc $text);
}

sub patterns {
  my $text = join " ", map { sprintf "%s%d\@%s.org", chr(97 + $_ % 26) x (1 + $_ % 7), $_, "host" x ($_ % 3 + 1) } 1 .. 20_000;
  my @found = $text =~ /\b([a-z]+)(\d+)@(?:host)+\.org/g;
  (my $changed = $text) =~ s/(\d+)@(\w+)/length($2) . reverse($1)/ge;
  my $unicode = join "", map { chr(0x100 + $_ % 900) } 1 .. 20_000;
  my $count = () = $unicode =~ /\p{Lu}\p{Ll}*/g;
  return (@found, $changed, $count);
}

sub structures {
  my @list = map { { id => $_, tags => [map { "t" . number(50) } 1 .. number(12)], name => "n" x number(60) } } 1 .. 8_000;
  my $copy = dclone(\@list);
  my $back = thaw(freeze($copy));
  my @sorted = sort { @{ $b->{tags} } <=> @{ $a->{tags} } || $a->{name} cmp $b->{name} || $a->{id} <=> $b->{id} } @$back;
  return map { join ",", $_->{id}, $_->{name}, @{ $_->{tags} } } @sorted;
}

sub children {
  my @answers;
  for my $child (1 .. 12) {
    pipe(my $from, my $to) or die "pipe: $!";
    my $pid = fork() // die "fork: $!";
    if (!$pid) {
      my %made = map { $_ => "x" x ($_ % 300) } 1 .. 3_000 * ($child % 3 + 1);
      print $to md5_hex(join ",", map { $made{$_} } sort { $a <=> $b } keys %made);
      close $to;
      exit 0;
    }
    close $to;
    push @answers, <$from>;
    waitpid $pid, 0;
    die "child ended with $?" if $?;
  }
  return @answers;
}

sub in_threads {
  require threads;
  my @running = map {
    my $id = $_;
    threads->create(sub {
      my %own = map { ("$id-$_" => "v" x ($_ % 90)) } 1 .. 15_000;
      my $text = join "", map { $own{$_} . $_ } sort keys %own;
      return md5_hex($text);
    })
  } 1 .. 4;
  return map { $_->join } @running;
}

report hashes => hashes();
report texts => texts();
report patterns => patterns();
report structures => structures();
report children => children();
eval { require threads; 1 } ? report(threads => in_threads()) : print "threads none\n";
