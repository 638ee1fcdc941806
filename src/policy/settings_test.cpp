// Settings: who is believed when several speak, and what is said about words nobody understands.
#include "policy/settings.hpp"

#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <vector>

namespace arenite::policy {
namespace {

const SettingInfo& info_of(size_t Settings::*field) {
  for (const SettingInfo& info : k_settings) {
    if (info.field == field) return info;
  }
  return k_settings[0];
}

std::optional<size_t> value_of(size_t Settings::*field, const std::string& text) {
  size_t value = 0;
  if (!read_value(info_of(field), text.data(), text.size(), value)) return std::nullopt;
  return value;
}

struct Reading {
  explicit Reading(std::vector<const char*> environment) {
    environment.push_back(nullptr);
    const ReadSettings read = read_settings(environment.data(), {tell, this, tell_unknown});
    values = read.values;
    for (size_t i = 0; i < k_setting_count; i++) {
      if (k_settings[i].field == &Settings::arena_max) arena_max_source = read.sources[i];
    }
  }
  static void tell(void* context, const char* variable, const char* value, size_t length,
                   const SettingInfo& info) {
    static_cast<Reading*>(context)->complaints.push_back(
        std::string(variable) + "=" + std::string(value, length) + " for " + info.name);
  }
  static void tell_unknown(void* context, const char* entry, size_t name_length) {
    static_cast<Reading*>(context)->unknown.emplace_back(entry, name_length);
  }
  Settings values{};
  Source arena_max_source{};
  std::vector<std::string> complaints;
  std::vector<std::string> unknown;
};

using Complaints = std::vector<std::string>;

TEST(Settings, say_what_the_table_says_where_nobody_asks) {
  const Reading r({"PATH=/bin", "HOME", "", "MALLOC_=1", "ARENITE", "ARENITER=1"});
  EXPECT_EQ(r.values.mode, k_mode_default);
  EXPECT_EQ(r.values.mxfast, k_is_64_bit ? 128U : 64U);
  EXPECT_EQ(r.values.mmap_threshold, 131072U);
  EXPECT_EQ(r.values.arena_test, k_is_64_bit ? 8U : 2U);
  EXPECT_EQ(r.arena_max_source, Source::built_in);
  EXPECT_TRUE(r.complaints.empty());
}

TEST(Settings, that_are_none_are_named) {
  const Reading r({"ARENITE_NONESUCH=1", "ARENITE_=1", "ARENITE_MOED=classic", "arenite_mode=1",
                   "ARENITE_MODE=classic", "ARENITE_TOP_PADS"});
  EXPECT_EQ(r.unknown, (Complaints{"ARENITE_NONESUCH", "ARENITE_", "ARENITE_MOED"}));
  EXPECT_TRUE(r.complaints.empty());
  EXPECT_EQ(r.values.mode, k_mode_classic);
}

TEST(Settings, read_nothing_from_no_environment) {
  EXPECT_EQ(read_settings(nullptr, {nullptr, nullptr}).values.mmap_max, 65536U);
}

TEST(Settings, each_stronger_source_overrides_the_weaker_in_any_order) {
  const char* variable = "MALLOC_ARENA_MAX=1";
  const char* tunables = "GLIBC_TUNABLES=glibc.malloc.arena_max=2";
  const char* own = "ARENITE_ARENA_MAX=3";
  EXPECT_EQ(Reading({variable}).arena_max_source, Source::malloc_variable);
  EXPECT_EQ(Reading({variable}).values.arena_max, 1U);
  EXPECT_EQ(Reading({variable, tunables}).values.arena_max, 2U);
  EXPECT_EQ(Reading({tunables, variable}).values.arena_max, 2U);
  EXPECT_EQ(Reading({tunables}).arena_max_source, Source::glibc_tunable);
  EXPECT_EQ(Reading({variable, tunables, own}).values.arena_max, 3U);
  EXPECT_EQ(Reading({own, tunables, variable}).values.arena_max, 3U);
  EXPECT_EQ(Reading({own}).arena_max_source, Source::arenite_variable);
}

TEST(Settings, every_line_of_the_table_has_a_variable_of_our_own) {
  for (const SettingInfo& info : k_settings) {
    std::string variable = "ARENITE_";
    for (const char* c = info.name; *c != '\0'; c++)
      variable += *c == '_' ? '_' : static_cast<char>(*c - 'a' + 'A');
    variable += '=';
    variable += takes_words(info.unit) ? word_of(info.unit, 1) : "1";
    EXPECT_EQ(Reading({variable.c_str()}).values.*info.field, 1U) << variable;
  }
}

TEST(Settings, glibcs_variables_are_understood) {
  const Reading r({"MALLOC_TRIM_THRESHOLD_=1", "MALLOC_TOP_PAD_=2", "MALLOC_MMAP_THRESHOLD_=3",
                   "MALLOC_MMAP_MAX_=4", "MALLOC_PERTURB_=5", "MALLOC_ARENA_TEST=6"});
  EXPECT_EQ(r.values.trim_threshold, 1U);
  EXPECT_EQ(r.values.top_pad, 2U);
  EXPECT_EQ(r.values.mmap_threshold, 3U);
  EXPECT_EQ(r.values.mmap_max, 4U);
  EXPECT_EQ(r.values.perturb, 5U);
  EXPECT_EQ(r.values.arena_test, 6U);
}

TEST(Settings, a_list_of_tunables_is_read_to_its_end) {
  const Reading r(
      {"GLIBC_TUNABLES=glibc.cpu.x86=1:glibc.malloc.arena_max=2:junk::glibc.malloc.nonesuch=1:"
       "glibc.malloc.perturb=0x1f:"});
  EXPECT_EQ(r.values.arena_max, 2U);
  EXPECT_EQ(r.values.perturb, 31U);
  EXPECT_TRUE(r.complaints.empty());
}

TEST(Settings, a_list_that_the_dynamic_linker_cut_up_is_read_all_the_same) {
  const Reading r({"GLIBC_TUNABLES=glibc.malloc.arena_max=2", "glibc.malloc.perturb=7",
                   "glibc.malloc.mxfast=32:glibc.malloc.top_pad=5"});
  EXPECT_EQ(r.values.arena_max, 2U);
  EXPECT_EQ(r.values.perturb, 7U);
  EXPECT_EQ(r.values.mxfast, 32U);
  EXPECT_EQ(r.values.top_pad, 5U);
}

TEST(Settings, a_value_that_cannot_be_read_is_named_once_and_the_weaker_keeps_its_word) {
  const Reading r({"MALLOC_ARENA_MAX=5", "ARENITE_ARENA_MAX=many"});
  EXPECT_EQ(r.values.arena_max, 5U);
  EXPECT_EQ(r.arena_max_source, Source::malloc_variable);
  EXPECT_EQ(r.complaints, Complaints{"ARENITE_ARENA_MAX=many for arena_max"});
}

TEST(Settings, a_bad_tunable_is_named_without_its_neighbours) {
  const Reading r({"GLIBC_TUNABLES=glibc.malloc.arena_max=x:glibc.malloc.perturb=3"});
  EXPECT_EQ(r.values.arena_max, 0U);
  EXPECT_EQ(r.values.perturb, 3U);
  EXPECT_EQ(r.complaints, Complaints{"arena_max=x for arena_max"});
}

TEST(Settings, bad_values_pass_in_silence_where_nobody_listens) {
  const char* const environment[] = {"ARENITE_ARENA_MAX=many", nullptr};
  EXPECT_EQ(read_settings(environment, {nullptr, nullptr}).values.arena_max, 0U);
}

TEST(SettingValues, are_decimal_hexadecimal_or_octal) {
  EXPECT_EQ(value_of(&Settings::top_pad, "0"), 0U);
  EXPECT_EQ(value_of(&Settings::top_pad, "1234"), 1234U);
  EXPECT_EQ(value_of(&Settings::top_pad, "0x1F"), 31U);
  EXPECT_EQ(value_of(&Settings::top_pad, "010"), 8U);
}

TEST(SettingValues, sizes_may_carry_a_suffix_and_counts_may_not) {
  EXPECT_EQ(value_of(&Settings::top_pad, "64k"), 64 * k_kib);
  EXPECT_EQ(value_of(&Settings::top_pad, "3M"), 3 * k_mib);
  EXPECT_EQ(value_of(&Settings::top_pad, "1g"), 1024 * k_mib);
  EXPECT_EQ(value_of(&Settings::arena_max, "1k"), std::nullopt);
}

TEST(SettingValues, minus_one_means_never) {
  EXPECT_EQ(value_of(&Settings::trim_threshold, "-1"), SIZE_MAX);
  EXPECT_EQ(value_of(&Settings::arena_max, "-1"), SIZE_MAX);
}

TEST(SettingValues, of_less_than_nothing_are_refused) {
  for (const SettingInfo& info : k_settings) {
    for (const char* text : {"-5", "-4096", "-0", "--1", "-1k"})
      EXPECT_EQ(value_of(info.field, text), std::nullopt) << info.name << '=' << text;
  }
}

TEST(SettingValues, that_are_no_number_or_do_not_fit_are_refused) {
  for (const char* text : {"", "-", "k", "x", "0x", "08", "1 ", " 1", "1kk", "1.5",
                           "99999999999999999999999", "99999999999G"}) {
    EXPECT_EQ(value_of(&Settings::top_pad, text), std::nullopt) << '"' << text << '"';
  }
}

TEST(SettingValues, beyond_a_settings_range_are_refused) {
  const size_t largest_fast = 80 * sizeof(size_t) / 4;
  EXPECT_EQ(value_of(&Settings::mxfast, std::to_string(largest_fast)), largest_fast);
  EXPECT_EQ(value_of(&Settings::mxfast, std::to_string(largest_fast + 1)), std::nullopt);
  EXPECT_EQ(value_of(&Settings::mmap_threshold, std::to_string(k_mmap_threshold_limit)),
            k_mmap_threshold_limit);
  EXPECT_EQ(value_of(&Settings::mmap_threshold, "-1"), std::nullopt);
  EXPECT_EQ(value_of(&Settings::arena_test, "0"), std::nullopt);
  EXPECT_EQ(value_of(&Settings::perturb, "255"), 255U);
  EXPECT_EQ(value_of(&Settings::perturb, "256"), std::nullopt);
  EXPECT_EQ(value_of(&Settings::perturb, "-1"), std::nullopt);
}

// Each end of each range is read, and what lies beyond is not.
TEST(SettingValues, end_where_the_table_says) {
  for (const SettingInfo& info : k_settings) {
    if (takes_words(info.unit)) continue;
    EXPECT_EQ(value_of(info.field, std::to_string(info.minimum)), info.minimum) << info.name;
    if (info.minimum > 0) {
      EXPECT_EQ(value_of(info.field, std::to_string(info.minimum - 1)), std::nullopt) << info.name;
    }
    if (info.maximum == 0) continue;
    EXPECT_EQ(value_of(info.field, std::to_string(info.maximum)), info.maximum) << info.name;
    EXPECT_EQ(value_of(info.field, std::to_string(info.maximum + 1)), std::nullopt) << info.name;
  }
}

TEST(SettingValues, a_mode_has_a_name_and_no_number) {
  EXPECT_EQ(value_of(&Settings::mode, "classic"), k_mode_classic);
  EXPECT_EQ(value_of(&Settings::mode, "default"), k_mode_default);
  for (const char* text : {"1", "Classic", "classical", "class", ""})
    EXPECT_EQ(value_of(&Settings::mode, text), std::nullopt) << text;
}

TEST(SettingValues, huge_pages_have_words_and_glibcs_numbers) {
  const auto huge_pages = [](const char* text) { return value_of(&Settings::huge_pages, text); };
  EXPECT_EQ(huge_pages("never"), static_cast<size_t>(HugePages::never));
  EXPECT_EQ(huge_pages("auto"), static_cast<size_t>(HugePages::automatic));
  EXPECT_EQ(huge_pages("always"), static_cast<size_t>(HugePages::always));
  EXPECT_EQ(huge_pages("0"), static_cast<size_t>(HugePages::never));
  EXPECT_EQ(huge_pages("1"), static_cast<size_t>(HugePages::always));
  EXPECT_EQ(huge_pages("2"), static_cast<size_t>(HugePages::always));
  for (const char* text : {"", "aut", "automatic", "yes", "1k"})
    EXPECT_EQ(huge_pages(text), std::nullopt) << text;
}

TEST(SettingValues, the_container_is_a_word) {
  const auto container = [](const char* text) { return value_of(&Settings::container, text); };
  EXPECT_EQ(container("start"), static_cast<size_t>(Container::start));
  EXPECT_EQ(container("watch"), static_cast<size_t>(Container::watch));
  for (const char* text : {"", "1", "0", "Watch", "watched"})
    EXPECT_EQ(container(text), std::nullopt) << text;
}

Source source_of(const ReadSettings& read, size_t Settings::*field) {
  return read.sources[&info_of(field) - k_settings];
}

ReadSettings in_force_with(std::vector<const char*> environment) {
  environment.push_back(nullptr);
  return in_force(read_settings(environment.data(), {nullptr, nullptr}));
}

TEST(SettingsInForce, default_mode_counts_processors_early_and_trims_no_top) {
  const ReadSettings read = in_force_with({});
  EXPECT_EQ(read.values.arena_test, 1U);
  EXPECT_EQ(source_of(read, &Settings::arena_test), Source::mode);
  EXPECT_EQ(read.values.trim_threshold, SIZE_MAX);
  EXPECT_EQ(source_of(read, &Settings::trim_threshold), Source::mode);
  EXPECT_EQ(source_of(read, &Settings::top_pad), Source::built_in);
}

TEST(SettingsInForce, the_user_has_the_last_word_of_them) {
  const ReadSettings read = in_force_with({"MALLOC_ARENA_TEST=6", "ARENITE_TOP_PAD=4096"});
  EXPECT_EQ(read.values.arena_test, 6U);
  EXPECT_EQ(source_of(read, &Settings::arena_test), Source::malloc_variable);
  // Either of the two is enough.
  EXPECT_EQ(read.values.trim_threshold, 128 * k_kib);
  EXPECT_EQ(source_of(read, &Settings::trim_threshold), Source::built_in);
}

TEST(SettingsInForce, classic_mode_has_no_slabs_and_keeps_nothing_for_reuse) {
  const ReadSettings read = in_force_with(
      {"ARENITE_MODE=classic", "ARENITE_HUGE_PAGES=always", "ARENITE_BACKGROUND_PURGE=1"});
  EXPECT_EQ(read.values.huge_pages, static_cast<size_t>(HugePages::never));
  EXPECT_EQ(read.values.background_purge, 0U);
  EXPECT_EQ(source_of(read, &Settings::huge_pages), Source::mode);
  EXPECT_EQ(source_of(read, &Settings::background_purge), Source::mode);
  EXPECT_EQ(read.values.arena_test, k_is_64_bit ? 8U : 2U);
  EXPECT_EQ(read.values.trim_threshold, 128 * k_kib);
}

size_t distance_of(const std::string& a, const std::string& b) {
  return distance(a.data(), a.size(), b.data(), b.size());
}

TEST(Spelling, counts_what_has_to_be_changed) {
  EXPECT_EQ(distance_of("mode", "mode"), 0U);
  EXPECT_EQ(distance_of("MODE", "mode"), 0U);
  EXPECT_EQ(distance_of("top-pad", "top_pad"), 0U);
  EXPECT_EQ(distance_of("moed", "mode"), 1U);
  EXPECT_EQ(distance_of("mod", "mode"), 1U);
  EXPECT_EQ(distance_of("modes", "mode"), 1U);
  EXPECT_EQ(distance_of("node", "mode"), 1U);
  EXPECT_EQ(distance_of("", "mode"), 4U);
  EXPECT_EQ(distance_of("kitten", "sitting"), 3U);
  EXPECT_EQ(distance_of(std::string(32, 'x'), "mode"), SIZE_MAX);
}

TEST(Spelling, finds_the_setting_that_was_meant) {
  const auto nearest = [](const std::string& name) {
    const SettingInfo* const found = nearest_setting(name.data(), name.size());
    return std::string(found == nullptr ? "" : found->name);
  };
  EXPECT_EQ(nearest("MOED"), "mode");
  EXPECT_EQ(nearest("ARENAMAX"), "arena_max");
  EXPECT_EQ(nearest("mmap-treshold"), "mmap_threshold");
  EXPECT_EQ(nearest("HUGEPAGE"), "huge_pages");
  for (const char* far : {"", "X", "NONESUCH", "SOMETHING_ELSE"})
    EXPECT_EQ(nearest(far), "") << far;
}

TEST(Settings, four_of_them_pin_the_thresholds) {
  size_t pinning = 0;
  for (const SettingInfo& info : k_settings) pinning += pins_thresholds(info.field) ? 1 : 0;
  EXPECT_EQ(pinning, 4U);
  EXPECT_TRUE(pins_thresholds(&Settings::mmap_max));
  EXPECT_FALSE(pins_thresholds(&Settings::perturb));
}

}  // namespace
}  // namespace arenite::policy
