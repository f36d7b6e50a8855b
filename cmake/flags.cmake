# Compiler and linker flags, once for everything (durability.md, release engineering).
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "Postroad is compiled with clang++-19 (g++ 12 miscompiles coroutines): cmake --preset release")
endif()

add_library(postroad_flags INTERFACE)
target_compile_options(postroad_flags INTERFACE
  # no-deprecated: libstdc++ 12 deprecates what its own stable_sort uses
  -Wall -Wextra -Wformat=2 -Wconversion -Wno-sign-conversion -Wimplicit-fallthrough -Wshadow -Wno-missing-designated-field-initializers
  -Wno-missing-field-initializers -Wno-deprecated-declarations
  -Werror=return-type -Werror=unused-result -Werror=format-security
  -fno-omit-frame-pointer)
target_compile_definitions(postroad_flags INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(postroad_flags INTERFACE -fuse-ld=lld)

set(POSTROAD_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize=...")
if(POSTROAD_SANITIZE)
  target_compile_options(postroad_flags INTERFACE -fsanitize=${POSTROAD_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(postroad_flags INTERFACE -fsanitize=${POSTROAD_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(postroad_flags INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection
    -ftrivial-auto-var-init=zero -fPIE -g1
    -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
    target_compile_options(postroad_flags INTERFACE -fcf-protection=full)
  else()
    target_compile_options(postroad_flags INTERFACE -mbranch-protection=standard)
  endif()
  target_link_options(postroad_flags INTERFACE -pie -Wl,-z,noexecstack,-z,relro,-z,now)
endif()
if(POSTROAD_FUZZ)
  target_compile_options(postroad_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
set(POSTROAD_COVERAGE OFF CACHE BOOL "Instrument for llvm-cov")
if(POSTROAD_COVERAGE)
  target_compile_options(postroad_flags INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(postroad_flags INTERFACE -fprofile-instr-generate)
endif()
