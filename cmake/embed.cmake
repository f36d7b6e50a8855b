# A file of data becomes part of a library: `embed(delivery data/replies.txt builtin_reply_rules
# "delivery/reply_rules.h" postroad::delivery)` defines that std::string_view, declared in that header.
function(embed library file variable header namespace)
  cmake_path(GET file STEM stem)
  set(made ${PROJECT_BINARY_DIR}/embedded/${library}_${stem}.cc)
  file(READ ${PROJECT_SOURCE_DIR}/${file} text)
  if(text MATCHES "\\)~~~\"")
    message(FATAL_ERROR "${file} holds )~~~\" and cannot be embedded")
  endif()
  # In pieces: compilers need take no more than 65,536 octets in one literal.
  string(REGEX REPLACE "\n\n" "\n)~~~\" R\"~~~(\n" text "${text}")
  file(CONFIGURE OUTPUT ${made} @ONLY CONTENT [==[// Made of @file@; do not edit.
#include "@header@"

namespace @namespace@ {
const std::string_view @variable@ = R"~~~(@text@)~~~";
}
]==])
  target_sources(${library} PRIVATE ${made})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${file})
endfunction()
