# The ruby case. Each stage prints its name and a checksum over everything it made. Ruby keeps
# small objects in heaps of its own, and takes strings, arrays, hash tables and thread stacks from
# malloc, the heaps' pages from posix_memalign. GC.compact moves objects and gives pages back.
require 'digest'
require 'json'

class Numbers
  def initialize(seed) = @state = seed

  def below(limit)
    @state = (@state * 1103515245 + 12345) & 0x7fffffff
    (@state >> 8) % limit
  end
end

def report(name, *made)
  puts "#{name} #{Digest::SHA256.hexdigest(made.flatten.join("\0"))[0, 32]}"
end

def hashes
  numbers = Numbers.new(1)
  seen = Hash.new { |hash, key| hash[key] = +'' }
  150_000.times do |i|
    key = "key#{numbers.below(30_000)}"
    numbers.below(4).zero? ? seen.delete(key) : seen[key] << (97 + i % 26).chr * (1 + numbers.below(12))
  end
  seen.sort.map { |key, value| "#{key}=#{value}" }
end

def texts
  numbers = Numbers.new(2)
  pieces = []
  text = +''
  60_000.times do
    text << format('%x-%s,', numbers.below(1 << 20), 'ab' * numbers.below(9))
    next if text.size < 50_000

    pieces << text[numbers.below(1000), 20_000]
    text = text[45_000..]
  end
  pieces + [text.reverse, text.upcase, text.gsub(/([0-9a-f]+)-/) { "#{$1.size}:" }, text.scan(/\d+[a-f]/)]
end

def documents
  numbers = Numbers.new(3)
  list = Array.new(6_000) do |id|
    { 'id' => id, 'name' => 'n' * numbers.below(80), 'tags' => Array.new(numbers.below(9)) { "t#{numbers.below(99)}" } }
  end
  back = JSON.parse(JSON.generate(list))
  copy = Marshal.load(Marshal.dump(back))
  raise 'Marshal changed the data' unless copy == list

  copy.sort_by { |one| [one['name'].size, one['id']] }.map(&:to_s)
end

def in_threads
  Array.new(6) do |id|
    Thread.new { Digest::SHA256.hexdigest((1..8_000).map { |i| "#{id}-#{i}" * (i % 20) }.sort.join) }
  end.map(&:value)
end

def children
  Array.new(8) do |id|
    from, to = IO.pipe
    pid = fork do
      from.close
      to.write Digest::SHA256.hexdigest((1..5_000).map { |i| (i * id).to_s * (i % 40) }.join(','))
      to.close
      exit!(0)
    end
    to.close
    answer = from.read
    Process.wait(pid)
    raise "child ended with #{$?.inspect}" unless $?.success?

    answer
  end
end

def collected
  kept = []
  30.times do |round|
    garbage = Array.new(20_000) { |i| "#{round}.#{i}" * (i % 9) }
    kept.concat(garbage.each_slice(97).map(&:first))
    GC.start if (round % 10).zero?
    GC.compact if round == 25 && GC.respond_to?(:compact)
  end
  (10**4000).to_s.size.to_s + (3**20_000).to_s + kept.join
end

report 'hashes', hashes
report 'texts', texts
report 'documents', documents
report 'threads', in_threads
report 'children', children
report 'collected', collected
