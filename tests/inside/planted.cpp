// A program with structures of which inside_test.py knows who keeps them: it builds what its first
// word names, prints the addresses that matter, a line each, and waits for its input to end.
//
//   structures        a list, a tree, a map, a vector of unique_ptr, a thread-local and a stack
//   root leaks N           N leaked blocks of 72 bytes, 10 of a class, 5 of text, among reachable
//   ones strand            a table of 400 blocks, each left alone where many were big N BYTES N
//   blocks of so many bytes, all of which a table knows, and 1,000 leaked ones churn THREADS
//   threads that allocate and free until it ends sleep             nothing
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

struct Node {
  Node* next = nullptr;
  char content[56] = {};
};

struct Tree {
  std::unique_ptr<Tree> left;
  std::unique_ptr<Tree> right;
  char content[80] = {};
};

struct Shape {
  virtual ~Shape() = default;
  virtual int corners() const { return 0; }
  char content[104] = {};
};
struct Square : Shape {
  int corners() const override { return 4; }
  std::unique_ptr<Shape> inner;
};

// External names, so that the symbol table has them as they are written.
Node* list_head;
std::unique_ptr<Tree> tree_root;
std::map<int, std::string> names;
std::vector<std::unique_ptr<Square>> shapes;
thread_local Node* threads_own;
void** strand_table;
void** block_table;

namespace {

void say(const char* name, const void* address) {
  std::printf("%s %p\n", name, address);
}

void wait_for_end() {
  std::printf("ready\n");
  std::fflush(stdout);
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

// What the compiler cannot follow: nothing of it stays in a register or on the stack.
[[gnu::noinline]] void* hidden(void* block) {
  asm volatile("" : "+r"(block));
  return block;
}
// Writes over what calls have left on the stack.
[[gnu::noinline]] void wipe_stack() {
  char room[16 * 1024];
  memset(room, 0, sizeof(room));
  asm volatile("" : : "r"(room) : "memory");
}

[[gnu::noinline]] void build_structures() {
  for (int i = 0; i < 50; i++) {
    Node* node = new Node;
    node->next = list_head;
    list_head = node;
  }
  const Node* last = list_head;
  while (last->next != nullptr) last = last->next;
  say("list", last);
  tree_root = std::make_unique<Tree>();
  Tree* at = tree_root.get();
  for (int i = 0; i < 5; i++) {
    at->left = std::make_unique<Tree>();
    at->right = std::make_unique<Tree>();
    at = at->right.get();
  }
  say("tree", at);
  for (int i = 0; i < 100; i++)
    names[i] = "a name that is too long for the string itself, number " + std::to_string(i);
  say("map", names[77].data());
  for (int i = 0; i < 20; i++) {
    shapes.push_back(std::make_unique<Square>());
    shapes.back()->inner = std::make_unique<Square>();
  }
  say("vector", shapes[13]->inner.get());
  threads_own = new Node;
  say("thread_local", threads_own);
}

// Its frame, alone, has the pointer.
[[gnu::noinline]] void wait_with_a_block_on_the_stack() {
  void* volatile held[1] = {hidden(std::malloc(120))};
  say("stack", held[0]);
  wipe_stack();
  wait_for_end();
  std::free(held[0]);
}

[[gnu::noinline]] void leak(int count) {
  std::vector<void*> kept;
  for (int i = 0; i < count; i++) {
    memset(hidden(std::malloc(72)), 0, 72);
    Node* node = new Node;
    node->next = list_head;
    list_head = node;
  }
  for (int i = 0; i < 10; i++) hidden(new Square);
  for (int i = 0; i < 5; i++)
    std::strcpy(static_cast<char*>(hidden(std::malloc(200))), "forgotten words");
}

[[gnu::noinline]] void strand() {
  constexpr size_t k_all = 300'000;
  constexpr size_t k_bytes = 1000;
  constexpr size_t k_left = 400;
  auto** blocks = static_cast<void**>(std::malloc(k_all * sizeof(void*)));
  strand_table = static_cast<void**>(std::malloc(k_left * sizeof(void*)));
  for (size_t i = 0; i < k_all; i++) {
    blocks[i] = std::malloc(k_bytes);
    memset(blocks[i], 1, k_bytes);
  }
  for (size_t i = 0; i < k_all; i++) {
    if (i % (k_all / k_left) == 0) {
      strand_table[i / (k_all / k_left)] = blocks[i];
    } else {
      std::free(blocks[i]);
    }
  }
  std::free(blocks);
  say("strand_table", strand_table);
}

[[gnu::noinline]] void build_big(size_t count, size_t bytes) {
  for (int i = 0; i < 1000; i++) memset(hidden(std::malloc(72)), 0, 72);
  block_table = static_cast<void**>(std::malloc(count * sizeof(void*)));
  for (size_t i = 0; i < count; i++) {
    block_table[i] = std::malloc(bytes);
    memset(block_table[i], 0, bytes);
    if (i != 0 && i % 2 == 0) *static_cast<void**>(block_table[i]) = block_table[i / 2];
  }
}

std::atomic<bool> g_stop{false};

void churn(uint64_t seed) {
  std::vector<std::string> some(2000);
  while (!g_stop.load(std::memory_order_relaxed)) {
    for (int i = 0; i < 100; i++) {
      seed = seed * 6364136223846793005 + 1442695040888963407;
      const size_t bytes = (seed >> 33) % 256 == 0 ? (seed >> 40) % 12'000 : (seed >> 40) % 900;
      some[(seed >> 20) % some.size()].assign(bytes, 'x');
      // So that it takes another.
      some[(seed >> 50) % some.size()] = std::string();
    }
  }
}

[[gnu::noinline]] void use_stack() {
  char room[100 * 1024];
  memset(room, 1, sizeof(room));
  asm volatile("" : : "r"(room) : "memory");
}
void use_stack_and_wait(std::atomic<unsigned>& used) {
  use_stack();
  used++;
  while (!g_stop.load(std::memory_order_relaxed)) usleep(10'000);
}

}  // namespace

int main(int count, char** words) {
  const std::string what = count > 1 ? words[1] : "";
  const auto number = [&](int i) { return count > i ? strtoull(words[i], nullptr, 10) : 0; };
  if (what == "structures") {
    build_structures();
    wait_with_a_block_on_the_stack();
    return 0;
  }
  std::vector<std::thread> threads;
  if (what == "leaks") leak(static_cast<int>(number(2)));
  if (what == "strand") strand();
  if (what == "big") build_big(number(2), number(3));
  if (what == "churn") {
    for (unsigned i = 0; i < number(2); i++) threads.emplace_back(churn, i);
  }
  std::atomic<unsigned> used{0};
  if (what == "stacks") {
    for (unsigned i = 0; i < number(2); i++)
      threads.emplace_back(use_stack_and_wait, std::ref(used));
    while (used < number(2)) usleep(1000);
  }
  wipe_stack();
  wait_for_end();
  g_stop = true;
  for (std::thread& thread : threads) thread.join();
  return 0;
}
