# A library is a folder of src/, and the wall around it (DESIGN: layers are walls).
#
#   library(engine/queue  USES mail net  INSIDE store ledger  LINK fmt::fmt)
#
# USES: libraries whose words its public headers show, so that its users see them too.
# INSIDE: libraries only its .cc files need. LINK: packages from outside the project. CONCURRENT: several
# threads meet in it, so its tests run under ThreadSanitizer too.
# A library sees its own headers and those of what it names, through a directory that holds links
# to its headers and nothing else: any other include is "no such file". *_test.cc become its test
# program, which sees what the library sees and no more.

set_property(GLOBAL PROPERTY POSTROAD_LIBRARIES "")

function(library path)
  cmake_parse_arguments(arg "CONCURRENT" "" "USES;INSIDE;LINK;TEST_USES" ${ARGN})
  cmake_path(GET path FILENAME name)
  get_property(known GLOBAL PROPERTY POSTROAD_LIBRARIES)
  if(name IN_LIST known)
    message(FATAL_ERROR "library(${path}): the name '${name}' belongs to another library already")
  endif()
  set_property(GLOBAL APPEND PROPERTY POSTROAD_LIBRARIES ${name})
  foreach(other IN LISTS arg_USES arg_INSIDE arg_TEST_USES)
    if(NOT other IN_LIST known)
      message(FATAL_ERROR "library(${path}): '${other}' does not stand below it in CMakeLists.txt")
    endif()
  endforeach()

  set(dir ${PROJECT_SOURCE_DIR}/src/${path})
  set(seen ${PROJECT_BINARY_DIR}/include/${name})
  file(REMOVE_RECURSE ${seen})
  file(MAKE_DIRECTORY ${seen}/${name})
  file(GLOB headers CONFIGURE_DEPENDS ${dir}/*.h)  # by file: a folder inside this one is another library
  foreach(header IN LISTS headers)
    cmake_path(GET header FILENAME leaf)
    file(CREATE_LINK ${header} ${seen}/${name}/${leaf} SYMBOLIC)
  endforeach()

  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")

  if(sources)
    add_library(${name} STATIC ${sources})
    target_include_directories(${name} PUBLIC ${seen})
    target_link_libraries(${name} PUBLIC ${arg_USES} PRIVATE ${arg_INSIDE} ${arg_LINK} postroad_flags)
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${seen})
    target_link_libraries(${name} INTERFACE ${arg_USES} ${arg_LINK} ${arg_INSIDE})
  endif()

  file(GLOB protos CONFIGURE_DEPENDS ${dir}/*.proto)
  if(protos)  # what is on disk; the generated code is the library's own affair
    set(generated ${PROJECT_BINARY_DIR}/proto/${name})
    file(MAKE_DIRECTORY ${generated})
    foreach(proto IN LISTS protos)
      cmake_path(GET proto STEM stem)
      set(made ${generated}/${stem}.pb.cc ${generated}/${stem}.pb.h)
      add_custom_command(OUTPUT ${made} DEPENDS ${proto}
                         COMMAND protobuf::protoc --cpp_out=${generated} -I ${dir} ${proto})
      target_sources(${name} PRIVATE ${made})
      set_source_files_properties(${made} PROPERTIES COMPILE_OPTIONS -w)
    endforeach()
    target_include_directories(${name} SYSTEM PRIVATE ${generated})
    target_link_libraries(${name} PRIVATE protobuf::libprotobuf-lite)
    set_target_properties(${name} PROPERTIES POSTROAD_PROTO ${generated})
  endif()

  if(tests AND POSTROAD_TESTS)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${name} ${arg_INSIDE} ${arg_TEST_USES} ${arg_LINK}
                          postroad_flags GTest::gmock GTest::gtest GTest::gtest_main)
    add_test(NAME ${name} COMMAND ${name}_test)
    # Where a test finds the project's files, and third-party test data where it exists.
    set_tests_properties(${name} PROPERTIES TIMEOUT 600 ENVIRONMENT
      "POSTROAD_SOURCE=${PROJECT_SOURCE_DIR};POSTROAD_SUITES=${PROJECT_SOURCE_DIR}/../shared/suites")
    if(arg_CONCURRENT)
      set_tests_properties(${name} PROPERTIES LABELS concurrent)
      set_property(GLOBAL APPEND PROPERTY POSTROAD_CONCURRENT ${name}_test)
    endif()
  endif()
endfunction()

# A program is a folder of src/ too: what stands on top of everything and nobody includes.
#
#   program(app postroad  INSIDE ...)
function(program path name)
  cmake_parse_arguments(arg "" "" "INSIDE;LINK" ${ARGN})
  cmake_path(GET path FILENAME folder)
  set(dir ${PROJECT_SOURCE_DIR}/src/${path})
  set(seen ${PROJECT_BINARY_DIR}/include/${folder})
  file(REMOVE_RECURSE ${seen})
  file(MAKE_DIRECTORY ${seen}/${folder})
  file(GLOB headers CONFIGURE_DEPENDS ${dir}/*.h)
  foreach(header IN LISTS headers)
    cmake_path(GET header FILENAME leaf)
    file(CREATE_LINK ${header} ${seen}/${folder}/${leaf} SYMBOLIC)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cc)
  add_executable(${name} ${sources})
  target_include_directories(${name} PRIVATE ${seen})
  target_link_libraries(${name} PRIVATE ${arg_INSIDE} ${arg_LINK} postroad_flags)
endfunction()
