// See completion.hpp.
//
// Each script does the same: it goes through the words before the cursor to find the place, which
// is a verb with what is above it ("arenite/lab/walk"), and offers what there is at that place.

#include "completion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "errors.hpp"
#include "policy/settings.hpp"

namespace arenite::command {
namespace {

struct Verb {
  std::string name;
  std::string help;
};

struct Option {
  std::string name;  // without dashes
  std::string help;
  std::vector<std::string> words;  // it takes one of these
  bool takes_value;
  bool takes_path;
};

struct Place {
  std::string name;
  std::vector<Verb> verbs;
  std::vector<Option> options;
};

constexpr char k_root[] = "arenite";
constexpr char k_run[] = "arenite/run";
constexpr char k_help[] = "arenite/help";
constexpr char k_shells[][5] = {"bash", "zsh", "fish"};

// The words of a type such as "LANGUAGE:{en,zh}".
std::vector<std::string> words_of(const std::string& type) {
  const size_t begin = type.find('{');
  const size_t end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return {};
  return CLI::detail::split(type.substr(begin + 1, end - begin - 1), ',');
}

std::vector<std::string> words_of_setting(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  std::vector<std::string> words;
  for (const policy::SettingInfo& info : policy::k_settings) {
    if (name != info.name) continue;
    for (size_t i = 0; policy::word_of(info.unit, i) != nullptr; i++) {
      words.emplace_back(policy::word_of(info.unit, i));
    }
  }
  return words;
}

// A description in one line, without what a shell's quotes would end at.
std::string plain(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  text.erase(std::remove(text.begin(), text.end(), '\''), text.end());
  return text;
}

void add_places(const CLI::App& parser, const std::string& name, std::vector<Place>& places) {
  Place place{name, {}, {}};
  for (const CLI::Option* option : parser.get_options()) {
    const std::string type = option->get_type_name();
    const bool takes_value = option->get_expected_max() > 0;
    for (const std::string& long_name : option->get_lnames()) {
      std::vector<std::string> words = words_of(type);
      if (name == k_run) words = words_of_setting(long_name);
      place.options.push_back({long_name, plain(option->get_description()), words, takes_value,
                               type == "PATH" || type == "FILE" || type == "DIR"});
    }
    // A word in its place, as the shell's name here.
    if (option->get_positional()) {
      for (const std::string& word : words_of(type)) place.verbs.push_back({word, ""});
    }
  }
  const auto verbs = parser.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* verb : verbs) {
    place.verbs.push_back({verb->get_name(), plain(verb->get_description())});
  }
  if (name == k_help) {
    for (const Verb& verb : places.front().verbs) place.verbs.push_back(verb);
  }
  places.push_back(place);
  for (const CLI::App* verb : verbs) add_places(*verb, name + "/" + verb->get_name(), places);
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  return fmt::format("{}", fmt::join(words, between));
}

// Every place but the first, for the pattern of a shell's `case`.
std::vector<std::string> names_below(const std::vector<Place>& places) {
  std::vector<std::string> names;
  for (const Place& place : places) {
    if (place.name != k_root) names.push_back(place.name);
  }
  return names;
}

// The options that stand alone.
std::vector<std::string> flags_of_run(const std::vector<Place>& places) {
  std::vector<std::string> flags = {"-h"};
  for (const Place& place : places) {
    for (const Option& option : place.options) {
      if (place.name == k_run && !option.takes_value) flags.push_back("--" + option.name);
    }
  }
  return flags;
}

// bash takes '=' for a word of its own.
std::string bash_script(const std::vector<Place>& places) {
  std::string script = fmt::format(
      R"(# bash completion for arenite, made by `arenite completion bash`.
_arenite() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} place=arenite i
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case $place/${{COMP_WORDS[i]}} in
      {}) place+=/${{COMP_WORDS[i]}} ;;
      arenite/run/--) _arenite_program $((i + 1)) && return ;;
      {}) ;;
      arenite/run/-*) [[ ${{COMP_WORDS[i + 1]}} == = ]] && ((i++)); ((i++)) ;;
      arenite/run/*) _arenite_program "$i" && return ;;
    esac
  done
  case $place/$before in
)",
      joined(names_below(places), "|"),
      "arenite/run/" + joined(flags_of_run(places), "|arenite/run/"));
  std::vector<std::string> anything;
  for (const Place& place : places) {
    for (const Option& option : place.options) {
      const std::string name = place.name + "/--" + option.name;
      if (option.takes_path) {
        script += fmt::format(
            "    {}) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); "
            "return ;;\n",
            name);
      } else if (!option.words.empty()) {
        script += fmt::format(
            "    {}) mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\"); return ;;\n", name,
            joined(option.words, " "));
      } else if (option.takes_value) {
        anything.push_back(name);
      }
    }
  }
  script += fmt::format("    {}) return ;;\n", joined(anything, "|"));
  script += "  esac\n  local words=\n  case $place in\n";
  for (const Place& place : places) {
    std::vector<std::string> words;
    for (const Verb& verb : place.verbs) words.push_back(verb.name);
    for (const Option& option : place.options) {
      words.push_back("--" + option.name + (option.takes_value ? "=" : ""));
    }
    script += fmt::format("    {}) words='{}' ;;\n", place.name, joined(words, " "));
  }
  script += R"(  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  if [[ $place == arenite/run && $word != -* ]]; then
    mapfile -t COMPREPLY < <(compgen -c -- "$word")
  elif [[ ${COMPREPLY[0]-} == *= ]]; then
    compopt -o nospace
  fi
}

# The words of a program, from this one on, are completed as if it stood alone.
_arenite_program() {
  [[ $1 -le $COMP_CWORD ]] || return 1
  if declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  elif [[ $1 -eq $COMP_CWORD ]]; then
    mapfile -t COMPREPLY < <(compgen -c -- "${COMP_WORDS[COMP_CWORD]}")
  else
    compopt -o default
  fi
}

complete -F _arenite arenite
)";
  return script;
}

// "'run:run a program'": a name and what it does, as _describe takes them.
std::string described(const std::string& name, const std::string& help) {
  std::string escaped;
  for (const char c : name + (help.empty() ? "" : ":")) {
    if (c == ':' && escaped.size() < name.size()) escaped += '\\';
    escaped += c;
  }
  return " '" + escaped + help + "'";
}

std::string zsh_script(const std::vector<Place>& places) {
  std::string script = fmt::format(
      R"(#compdef arenite
# zsh completion for arenite, made by `arenite completion zsh`.
_arenite() {{
  local place=arenite word=${{words[CURRENT]}} option=${{words[CURRENT - 1]}}
  local -a verbs options values
  local -i i
  for ((i = 2; i < CURRENT; i++)); do
    case $place/${{words[i]}} in
      ({}) place+=/${{words[i]}} ;;
      (arenite/run/--) _arenite_program $((i + 1)); return ;;
      ({}|arenite/run/-*=*) ;;
      (arenite/run/-*) ((i++)) ;;
      (arenite/run/*) _arenite_program $i; return ;;
    esac
  done
  if [[ $word == --*=* ]]; then
    option=${{word%%=*}}
    compset -P '*='
  fi
  case $place/$option in
)",
      joined(names_below(places), "|"),
      "arenite/run/" + joined(flags_of_run(places), "|arenite/run/"));
  for (const Place& place : places) {
    for (const Option& option : place.options) {
      if (!option.takes_value) continue;
      script += fmt::format("    ({}/--{}) {}return ;;\n", place.name, option.name,
                            option.takes_path ? "_files; "
                            : option.words.empty()
                                ? ""
                                : fmt::format("compadd -- {}; ", joined(option.words, " ")));
    }
  }
  script += "  esac\n  case $place in\n";
  for (const Place& place : places) {
    std::string verbs;
    std::string options;
    std::string values;
    for (const Verb& verb : place.verbs) verbs += described(verb.name, verb.help);
    for (const Option& option : place.options) {
      (option.takes_value ? values : options) +=
          described("--" + option.name + (option.takes_value ? "=" : ""), option.help);
    }
    script += fmt::format(
        "    ({})\n      verbs=({} )\n      options=({} )\n      values=({} )\n      ;;\n",
        place.name, verbs, options, values);
  }
  script += R"(  esac
  if [[ $word == -* ]]; then
    _describe -o option options
    _describe -o 'option with a value' values -S ''
  elif [[ $place == arenite/run ]]; then
    _arenite_program CURRENT
  else
    _describe verb verbs
  fi
}

# The words of a program, from this one on, are completed as if it stood alone.
_arenite_program() {
  shift $(($1 - 1)) words
  ((CURRENT -= $1 - 1))
  _normal
}

if [[ ${funcstack[1]} == _arenite ]]; then _arenite "$@"; else compdef _arenite arenite; fi
)";
  return script;
}

std::string fish_script(const std::vector<Place>& places) {
  std::string script = fmt::format(
      R"(# fish completion for arenite, made by `arenite completion fish`.
# The place that the words before the cursor lead to; `program` behind that of `arenite run`.
function __arenite_place
    set -l place arenite
    set -l is_value no
    for word in (commandline -opc)[2..-1]
        if test $is_value = yes
            set is_value no
            continue
        end
        switch $place/$word
            case {}
                set place $place/$word
            case {} 'arenite/run/-*=*'
            case arenite/run/--
                echo program
                return
            case 'arenite/run/-*'
                set is_value yes
            case 'arenite/run/*'
                echo program
                return
        end
    end
    echo $place
end

complete -c arenite -f
complete -c arenite -n 'contains (__arenite_place) arenite/run program' -x -a '(__fish_complete_subcommand --fcs-skip=2)'
)",
      joined(names_below(places), " "),
      "arenite/run/" + joined(flags_of_run(places), " arenite/run/"));
  for (const Place& place : places) {
    const std::string here =
        fmt::format("complete -c arenite -n 'test (__arenite_place) = {}'", place.name);
    for (const Verb& verb : place.verbs) {
      script += fmt::format("{} -a {} -d '{}'\n", here, verb.name, verb.help);
    }
    for (const Option& option : place.options) {
      const char* kind = !option.takes_value ? "" : option.takes_path ? " -r -F" : " -x";
      const std::string words =
          option.words.empty() ? "" : fmt::format(" -a '{}'", joined(option.words, " "));
      script += fmt::format("{} -l {}{}{} -d '{}'\n", here, option.name, kind, words, option.help);
    }
  }
  return script;
}

}  // namespace

CompletionCommand::CompletionCommand(CLI::App& command, const std::string& version)
    : command_(command),
      parser_(command.add_subcommand("completion",
                                     "the script by which a shell completes these words")) {
  parser_->set_version_flag("--version", version);
  parser_->footer("For this shell alone: source <(arenite completion bash)");
  std::vector<std::string> shells(std::begin(k_shells), std::end(k_shells));
  parser_->add_option("shell", shell_, "whose: bash, zsh or fish")
      ->check(CLI::IsMember(shells))
      ->type_name("SHELL");
}

int CompletionCommand::run() const {
  if (shell_.empty()) throw UsageError("which shell? arenite completion bash, zsh or fish");
  std::vector<Place> places;
  add_places(command_, k_root, places);
  const std::string script = shell_ == k_shells[0]   ? bash_script(places)
                             : shell_ == k_shells[1] ? zsh_script(places)
                                                     : fish_script(places);
  fmt::print("{}", script);
  return 0;
}

}  // namespace arenite::command
