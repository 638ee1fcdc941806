#include "cache/verify.hpp"

#include "cache/depot.hpp"
#include "os/os.hpp"

namespace arenite::cache {
namespace {

using slab::Company;
using slab::Owner;
using slab::Place;
using slab::Slab;

// One look at all regions, the depot's lock and this thread's held.
class Verification {
 public:
  explicit Verification(Breach& breach)
      : breach_(breach),
        mine_(*t_thread.slabs),
        company_(os::single_threaded() ? Company::none : Company::present) {}

  bool region(const slab::Region& region) {
    bool whole = region.verify(breach_);
    region.for_each_slab([&](const Slab* slab) { whole = whole && one(slab); });
    return whole;
  }

  bool lists() {
    const bool whole = slab::verify_lists(g_depot, breach_) && slab::verify_lists(mine_, breach_);
    return whole &&
           expect(listed(g_depot) == listed_by_depot_, "a slab of the depot's is in no list",
                  &g_depot) &&
           expect(listed(mine_) == listed_by_me_, "a slab of a thread's is in no list", &mine_) &&
           expect(current() == current_, "a slab is not its thread's current one", &mine_);
  }

 private:
  bool expect(bool holds, const char* what, const void* where) {
    if (!holds) breach_ = {"S5", what, address_of(where)};
    return holds;
  }

  bool one(const Slab* slab) {
    // Somebody is giving pages inside it back; frees go on.
    if (g_depot.is_out(slab)) return slab::verify_running(slab, breach_);
    const Owner* owner = slab->owner.load(std::memory_order_relaxed);
    const Place place = slab->place.load(std::memory_order_relaxed);
    if (owner == &g_depot) {
      // One that is on its way from a free page to its first owner is in no list yet.
      if (place != Place::listed) return slab::verify_running(slab, breach_);
      listed_by_depot_++;
      return slab::verify_at_rest(slab, company_, breach_);
    }
    if (owner == &mine_) {
      (place == Place::current ? current_ : listed_by_me_)++;
      return expect(place == Place::listed ||
                        (place == Place::current && mine_.current[slab->size_class] == slab),
                    "a slab is nowhere in its thread", slab) &&
             slab::verify_at_rest(slab, company_, breach_);
    }
    return slab::verify_running(slab, breach_);
  }

  static size_t listed(const Owner& owner) {
    size_t all = 0;
    for (unsigned c = 0; c < slab::k_classes; c++) all += owner.listed(c);
    return all;
  }
  size_t current() const {
    size_t all = 0;
    for (const Slab* slab : mine_.current) all += slab != &slab::g_no_slab ? 1 : 0;
    return all;
  }

  Breach& breach_;
  const ThreadSlabs& mine_;
  const Company company_;
  size_t listed_by_depot_ = 0;
  size_t listed_by_me_ = 0;
  size_t current_ = 0;
};

}  // namespace

bool verify(Breach& breach) {
  const os::Holding depot(g_depot.lock);
  const os::Holding own(t_thread.slabs->lock);
  Verification verification(breach);
  bool whole = true;
  g_depot.for_each_region_locked(
      [&](const slab::Region& region) { whole = whole && verification.region(region); });
  return whole && verification.lists();
}

}  // namespace arenite::cache
