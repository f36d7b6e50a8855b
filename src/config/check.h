// What no single setting can show: settings that exclude each other, and what is unwise. Inside config only.
#pragma once

#include <functional>
#include <map>

#include "config/load.h"

namespace postroad::config {

// Where settings stand in the file: "limits.message", "listener.0.bind"; 0 for what is not there.
using Lines = std::map<std::string, std::size_t, std::less<>>;

Problems conflicts(const Settings& settings, const Lines& lines);

}  // namespace postroad::config
