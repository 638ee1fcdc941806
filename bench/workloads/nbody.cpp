// Gravity among many bodies by a tree of cells (Barnes and Hut), built anew in every step.
//
// The tree's cells are taken one by one while bodies are put in, each body gathers the cells that
// act on it in a list of its own, and all is freed cell by cell when the step is over. Much
// arithmetic, a moderate number of blocks, and blocks taken together are used together: it shows
// what an allocator's layout does to the program rather than what its calls cost.
#include <memory>
#include <vector>

#include "common.hpp"

namespace {

using Vector = std::array<double, 3>;

struct Body {
  Vector place{};
  Vector speed{};
  double mass = 0;
};

struct Cell {
  Vector middle{};
  double half = 0;
  Vector weighted{};  // sum of mass * place, later the centre of mass
  double mass = 0;
  const Body* body = nullptr;  // a leaf's
  std::array<std::unique_ptr<Cell>, 8> children;
  bool is_leaf = true;
};

constexpr int k_deepest = 48;

void put(Cell& cell, const Body* body, int depth);

void put_below(Cell& cell, const Body* body, int depth) {
  unsigned which = 0;
  for (unsigned axis = 0; axis < 3; ++axis) {
    if (body->place[axis] >= cell.middle[axis]) which |= 1U << axis;
  }
  auto& child = cell.children[which];
  if (!child) {
    child = std::make_unique<Cell>();
    child->half = cell.half / 2;
    for (unsigned axis = 0; axis < 3; ++axis) {
      child->middle[axis] =
          cell.middle[axis] + ((which >> axis & 1U) != 0 ? child->half : -child->half);
    }
  }
  put(*child, body, depth + 1);
}

void put(Cell& cell, const Body* body, int depth) {
  for (unsigned axis = 0; axis < 3; ++axis) cell.weighted[axis] += body->mass * body->place[axis];
  const bool was_empty = cell.mass == 0;
  cell.mass += body->mass;
  if (was_empty) {
    cell.body = body;
    return;
  }
  if (depth == k_deepest) return;  // two bodies at one place: they act as one
  if (cell.is_leaf) {
    cell.is_leaf = false;
    put_below(cell, cell.body, depth);
    cell.body = nullptr;
  }
  put_below(cell, body, depth);
}

void find_centres(Cell& cell) {
  for (unsigned axis = 0; axis < 3; ++axis) cell.weighted[axis] /= cell.mass;
  for (const auto& child : cell.children) {
    if (child) find_centres(*child);
  }
}

void gather(const Cell& cell, const Body& body, std::vector<const Cell*>& acting) {
  double distance2 = 0;
  for (unsigned axis = 0; axis < 3; ++axis) {
    const double d = cell.weighted[axis] - body.place[axis];
    distance2 += d * d;
  }
  if (cell.is_leaf || 4 * cell.half * cell.half < distance2) {
    if (cell.body != &body) acting.push_back(&cell);
    return;
  }
  for (const auto& child : cell.children) {
    if (child) gather(*child, body, acting);
  }
}

void pull(Body& body, const std::vector<const Cell*>& acting, double time) {
  for (const Cell* cell : acting) {
    Vector toward{};
    double distance2 = 1e-4;
    for (unsigned axis = 0; axis < 3; ++axis) {
      toward[axis] = cell->weighted[axis] - body.place[axis];
      distance2 += toward[axis] * toward[axis];
    }
    const double strength = time * cell->mass / (distance2 * std::sqrt(distance2));
    for (unsigned axis = 0; axis < 3; ++axis) body.speed[axis] += strength * toward[axis];
  }
}

std::uint64_t step(std::vector<Body>& bodies, double time) {
  auto root = std::make_unique<Cell>();
  for (const Body& body : bodies) {
    for (const double x : body.place) root->half = std::max(root->half, std::abs(x) + 1);
  }
  for (const Body& body : bodies) put(*root, &body, 0);
  find_centres(*root);
  std::vector<std::vector<const Cell*>> acting(bodies.size());
  std::uint64_t pairs = 0;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    gather(*root, bodies[i], acting[i]);
    pairs += acting[i].size();
  }
  for (std::size_t i = 0; i < bodies.size(); ++i) pull(bodies[i], acting[i], time);
  for (Body& body : bodies) {
    for (unsigned axis = 0; axis < 3; ++axis) body.place[axis] += time * body.speed[axis];
  }
  return pairs;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("nbody", "gravity by a tree of cells", argc, argv);
  const std::size_t count = program.shrunk(12'000, 50);
  const std::uint64_t steps = program.scaled(60);
  program.begin();

  bench::Random random(3);
  std::vector<Body> bodies(count);
  for (Body& body : bodies) {
    body.mass = 1.0 / static_cast<double>(count);
    for (double& x : body.place) x = static_cast<double>(random.below(1'000'000)) / 500'000 - 1;
  }
  std::uint64_t pairs = 0;
  for (std::uint64_t i = 0; i < steps; ++i) pairs += step(bodies, 0.01);
  std::uint64_t sum = pairs;
  for (const Body& body : bodies) {
    for (const double x : body.place) {
      if (!std::isfinite(x)) bench::fail("a body is nowhere");
      std::uint64_t bits = 0;
      std::memcpy(&bits, &x, sizeof bits);
      sum = sum * 31 + bits;
    }
  }
  bench::drop(bodies);
  return program.finish(pairs, sum);
}
