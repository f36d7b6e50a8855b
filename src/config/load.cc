#include "config/load.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/encoding.h"
#include "config/check.h"
#include "config/kinds.h"
#include "config/nearest.h"

namespace postroad::config {
namespace {

constexpr std::size_t largest_file = 1 << 20;
constexpr std::string_view manual = "the reference is docs/reference/configuration.md";

// What stands there, for "... not X".
std::string shown(const toml::node& node) {
  if (const auto* text = node.as_string()) return "\"" + printable(text->get(), 60) + "\"";
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (node.is_array()) return "a list";
  if (node.is_table()) return "a section";
  return "a date or time";
}

// Reads one file into one Settings, collecting problems as it goes.
class FileReader {
 public:
  explicit FileReader(const std::filesystem::path& file) : folder_(file.parent_path()) {}

  Settings read(const toml::table& file) {
    Settings settings;
    for (const auto& [key, node] : file) {
      const std::string_view name = key.str();
      if (name == "listener") {
        read_listeners(node, settings.listeners);
        continue;
      }
      if (read_setting(settings, top_table, "", key, node)) continue;
      const bool is_section = for_section(name, [&](const auto& section) {
        if (const auto* table = node.as_table())
          read_table(settings.*section.place, section.table, std::string(name) + ".", *table);
        else
          complain(ProblemKind::WrongType, node,
                   fmt::format("{0} must be a section, \"[{0}]\" on a line of its own, not {1}", name,
                               shown(node)));
      });
      if (!is_section) unknown_at_top(key, node);
    }
    if (!lines_.contains("hostname")) {
      problems_.push_back(
          {ProblemKind::Missing,
           {},
           0,
           "hostname is missing; write hostname = \"mail.example.org\" at the top: the name of this "
           "server in DNS"});
    }
    return settings;
  }

  const Lines& lines() const { return lines_; }
  Problems take_problems() { return std::move(problems_); }

 private:
  void complain(ProblemKind kind, const toml::node& node, std::string message) {
    problems_.push_back({kind, {}, node.source().begin.line, std::move(message)});
  }

  template <class Use>
  static bool for_section(std::string_view name, Use use) {
    return std::apply(
        [&](const auto&... section) { return ((section.name == name && (use(section), true)) || ...); },
        section_table);
  }

  template <class S, class Table>
  void read_table(S& target, const Table& rows, const std::string& prefix, const toml::table& table) {
    for (const auto& [key, node] : table)
      if (!read_setting(target, rows, prefix, key, node)) unknown_in(rows, prefix, key);
  }

  // False if the table has no such row.
  template <class S, class Table>
  bool read_setting(S& target, const Table& rows, const std::string& prefix, const toml::key& key,
                    const toml::node& node) {
    const auto use = [&](const auto& row) {
      const std::string name = prefix + std::string(row.name);
      lines_[name] = key.source().begin.line;
      read_value(target.*row.place, row, name, node);
    };
    return std::apply(
        [&](const auto&... row) { return ((row.name == key.str() && (use(row), true)) || ...); }, rows);
  }

  template <class T, class Row>
  void read_value(T& target, const Row& row, const std::string& name, const toml::node& node) {
    auto value = value_of<T>(node);
    if (!value) {
      // The right kind of thing with the wrong content, or not even that.
      const bool text = node.is_string() && !std::is_integral_v<T>;
      return complain(text ? ProblemKind::OutOfRange : ProblemKind::WrongType, node, name + value.error());
    }
    if constexpr (has_bounds<T>) {
      if (row.least && *value < *row.least)
        return complain(
            ProblemKind::OutOfRange, node,
            fmt::format("{} must be at least {}, not {}", name, written(*row.least), written(*value)));
      if (row.most && *value > *row.most)
        return complain(
            ProblemKind::OutOfRange, node,
            fmt::format("{} must be at most {}, not {}", name, written(*row.most), written(*value)));
    }
    target = *std::move(value);
    if constexpr (std::is_same_v<T, std::filesystem::path>) target = from_folder(target);
    if constexpr (std::is_same_v<T, std::vector<Bind>>)
      for (Bind& bind : target) bind.path = from_folder(bind.path);
  }

  std::filesystem::path from_folder(const std::filesystem::path& path) const {
    return path.empty() || path.is_absolute() ? path : (folder_ / path).lexically_normal();
  }

  // The value, or how a sentence about it goes on: " must be a whole number, not true".
  template <class T>
  static Result<T, std::string> value_of(const toml::node& node) {
    const auto must_be = [&](std::string_view what) {
      return refuse(fmt::format(" must be {}, not {}", what, shown(node)));
    };
    if constexpr (is_vector<T>) {
      using Item = typename T::value_type;
      const auto* array = node.as_array();
      if (!array) return must_be(fmt::format("a list in brackets, each item {}", wanted<Item>().what));
      T list;
      for (const toml::node& item : *array) {
        auto value = value_of<Item>(item);
        if (!value) return refuse(": each item" + value.error());
        list.push_back(*std::move(value));
      }
      return list;
    } else if constexpr (std::is_same_v<T, bool>) {
      if (const auto* truth = node.as_boolean()) return truth->get();
      return must_be(wanted<T>().what);
    } else if constexpr (std::is_integral_v<T>) {
      const auto* number = node.as_integer();
      if (!number) return must_be(wanted<T>().what);
      if (!std::in_range<T>(number->get()))
        return must_be(fmt::format("a whole number from 0 to {}", std::numeric_limits<T>::max()));
      return static_cast<T>(number->get());
    } else if constexpr (Named<T>) {
      std::string choices;
      const auto all = names(T{});
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (const auto* text = node.as_string(); text && text->get() == all[i]) return static_cast<T>(i);
        choices += fmt::format("{}\"{}\"", i == 0 ? "" : i + 1 == all.size() ? " or " : ", ", all[i]);
      }
      return must_be(choices);
    } else {
      if constexpr (std::is_same_v<T, Octets>)
        if (const auto* number = node.as_integer(); number && number->get() >= 0)
          return Octets{static_cast<std::uint64_t>(number->get())};
      const auto* text = node.as_string();
      if (!text) return must_be(wanted<T>().what);
      auto value = from_text<T>(text->get());
      if (!value) return must_be(value.error().what);
      return *std::move(value);
    }
  }

  void read_listeners(const toml::node& node, std::vector<Listener>& listeners) {
    const auto* array = node.as_array();
    if (!array || !array->is_homogeneous(toml::node_type::table))
      return complain(ProblemKind::WrongType, node,
                      "listeners are written [[listener]], in two brackets, because there may be several");
    for (const toml::node& item : *array) {
      const std::string prefix = fmt::format("listener.{}.", listeners.size());
      Listener& listener = listeners.emplace_back();
      lines_[prefix] = item.source().begin.line;
      for (const auto& [key, value] : *item.as_table()) {
        const std::size_t before = problems_.size();
        if (!read_setting(listener, listener_table, prefix, key, value))
          unknown_in(listener_table, prefix, key);
        // "listener.3.bind" is nobody's word for it; the line says which one.
        for (std::size_t i = before; i < problems_.size(); ++i)
          if (problems_[i].message.starts_with(prefix))
            problems_[i].message = "listener." + problems_[i].message.substr(prefix.size());
      }
      for (const std::string_view required : {"service", "bind"})
        if (!lines_.contains(prefix + std::string(required)))
          complain(ProblemKind::Missing, item,
                   fmt::format("this listener needs a {}, as in {}", required,
                               required == "bind" ? "bind = [\"0.0.0.0:25\"]" : "service = \"smtp\""));
    }
  }

  template <class Table>
  void unknown_in(const Table& rows, const std::string& prefix, const toml::key& key) {
    const bool listener = prefix.starts_with("listener");
    unknown(key, listener ? "[[listener]]" : "[" + prefix.substr(0, prefix.size() - 1) + "]", names_in(rows));
  }
  void unknown_at_top(const toml::key& key, const toml::node& node) {
    if (!node.is_table()) return unknown(key, "the top of the file", names_in(top_table));
    std::vector<std::string_view> sections{"listener"};
    std::apply([&](const auto&... section) { (sections.push_back(section.name), ...); }, section_table);
    const auto near = nearest(key.str(), sections);
    say_unknown(key, fmt::format("unknown section [{}]; {}", printable(key.str(), 60),
                                 near ? fmt::format("did you mean [{}]?", *near) : std::string(manual)));
  }
  void unknown(const toml::key& key, std::string_view where, const std::vector<std::string_view>& known) {
    say_unknown(key,
                fmt::format("unknown key '{}' in {}; {}", printable(key.str(), 60), where, hint(key, known)));
  }
  void say_unknown(const toml::key& key, std::string message) {
    problems_.push_back({ProblemKind::UnknownKey, {}, key.source().begin.line, std::move(message)});
  }
  // A misspelt key of this section; else a right one, else a misspelt one, of another.
  static std::string hint(const toml::key& key, const std::vector<std::string_view>& known) {
    if (const auto near = nearest(key.str(), known)) return fmt::format("did you mean '{}'?", *near);
    std::string right, misspelt;
    const auto look = [&](const std::string& place, const std::vector<std::string_view>& names) {
      if (right.empty() && std::ranges::count(names, key.str()) != 0) right = "it belongs to " + place;
      if (const auto near = nearest(key.str(), names); near && misspelt.empty())
        misspelt = fmt::format("did you mean '{}', which belongs to {}?", *near, place);
    };
    look("the top of the file, before the first section", names_in(top_table));
    std::apply(
        [&](const auto&... section) {
          (look(fmt::format("[{}]", section.name), names_in(section.table)), ...);
        },
        section_table);
    return !right.empty() ? right : !misspelt.empty() ? misspelt : std::string(manual);
  }
  template <class Table>
  static std::vector<std::string_view> names_in(const Table& rows) {
    return std::apply([](const auto&... row) { return std::vector<std::string_view>{row.name...}; }, rows);
  }

  std::filesystem::path folder_;
  Lines lines_;
  Problems problems_;
};

Problems named(Problems problems, const std::filesystem::path& file) {
  for (Problem& problem : problems) problem.file = file.string();
  std::ranges::sort(problems, {}, [](const Problem& p) { return std::tie(p.line, p.message); });
  return problems;
}

}  // namespace

std::string Problem::text() const {
  return line == 0 ? fmt::format("{}: {}", file, message) : fmt::format("{}:{}: {}", file, line, message);
}

Result<Settings, Problems> parse(std::string_view text, const std::filesystem::path& file) {
  toml::table table;
  try {  // the library's only way to say so
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return refuse(named({{ProblemKind::Syntax,
                          {},
                          error.source().begin.line,
                          fmt::format("this is not TOML: {}", printable(error.description()))}},
                        file));
  }
  FileReader reader(file);
  Settings settings = reader.read(table);
  Problems problems = reader.take_problems();
  // What a broken value would have been is not known: judging it against others would mislead.
  if (problems.empty()) problems = conflicts(settings, reader.lines());
  if (!problems.empty()) return refuse(named(std::move(problems), file));
  return settings;
}

Result<Settings, Problems> load(const std::filesystem::path& file) {
  const auto unreadable = [&](std::string message) {
    return refuse(Problems{{ProblemKind::Unreadable, file.string(), 0, std::move(message)}});
  };
  std::ifstream in(file, std::ios::binary);
  if (!in || std::filesystem::is_directory(file))
    return unreadable(fmt::format(
        "cannot be read: {}; name another with --config FILE",
        std::filesystem::is_directory(file) ? "it is a folder" : std::generic_category().message(errno)));
  std::string text(largest_file + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return unreadable("cannot be read to its end");
  if (text.size() > largest_file) return unreadable("is larger than 1 MiB: is it a configuration file?");
  return parse(text, std::filesystem::absolute(file));
}

}  // namespace postroad::config
