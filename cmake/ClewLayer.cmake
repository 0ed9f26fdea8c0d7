# Flags that every target of the house is built with.
add_library(clew_flags INTERFACE)
target_compile_options(clew_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wconversion -Wno-sign-conversion -Wimplicit-fallthrough
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual>)
target_compile_definitions(clew_flags INTERFACE _GNU_SOURCE)
# Not where a name can hide one of another file; what it hides in its own is told by builds without.
if(NOT CLEW_UNITY)
  target_compile_options(clew_flags INTERFACE -Wshadow)
endif()
set(CLEW_FUZZ OFF)
if(CLEW_SANITIZE AND CMAKE_CXX_COMPILER_ID MATCHES Clang)
  set(CLEW_FUZZ ON)
endif()
if(CLEW_SANITIZE)
  target_compile_options(clew_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(clew_flags INTERFACE -fsanitize=address,undefined)
endif()

if(CLEW_PRECOMPILE)
  # For ccache: what a precompiled header is made of, and no time in it.
  target_compile_options(clew_flags INTERFACE
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>
    "$<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-Xclang -fno-pch-timestamp>")
endif()

# clew_read_once(TARGET OWNER header...): reads the headers of libraries, which are most of what a compiler does with a file of
# this house, once for OWNER and for all targets that name it. Only <headers>, none of our own.
# The preset `clang` is built without, so that a file that forgets to include what it uses is found.
function(clew_read_once target owner)
  if(NOT CLEW_PRECOMPILE)
    return()
  endif()
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()
set(CLEW_HEADERS_OF_ALL <algorithm> <array> <cstdint> <cstring> <functional> <map> <memory> <optional> <set> <span> <string>
  <string_view> <unordered_map> <utility> <variant> <vector> <fmt/format.h> <tl/expected.hpp>)

# clew_compile_together(TARGET): several files as one, so that our own headers are read once for them (CLEW_UNITY). What has a
# name in an anonymous namespace must have one that no other file of the folder uses. Off in the preset `clang`, as above, and
# by default: who changes one file would wait for all that it is compiled with.
function(clew_compile_together target)
  if(CLEW_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()

# clew_layer(NAME USES layer... LIBS library...)
#
# One static library per folder of src/, made of every .cpp file in it. Its headers are included as "NAME/file.h" and
# only those that link the layer see them: each layer has an include root of its own with a link to its folder, so
# that an include against the direction of the layers does not compile.
function(clew_layer name)
  cmake_parse_arguments(ARG "" "" "USES;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  set(root ${CMAKE_BINARY_DIR}/include-roots/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/${name} ${root}/${name} SYMBOLIC)
  if(sources)
    add_library(clew_${name} STATIC ${sources})
    target_link_libraries(clew_${name} PRIVATE clew_flags)
    clew_compile_together(clew_${name})
    set(headers_owner clew_base)
    if(CLEW_FUZZ)
      # Fuzz targets want libFuzzer's instruments in what they fuzz, and 20,000 runs want it optimised; the others, with other
      # options, need precompiled headers of their own.
      if(name MATCHES "^(base|os|arch|sym)$")
        target_compile_options(clew_${name} PRIVATE -O1 -fsanitize=fuzzer-no-link)
      else()
        set(headers_owner clew_live)
      endif()
    endif()
    clew_read_once(clew_${name} ${headers_owner} ${CLEW_HEADERS_OF_ALL})
    set(visibility PUBLIC)
  else()
    add_library(clew_${name} INTERFACE)
    set(visibility INTERFACE)
  endif()
  target_include_directories(clew_${name} ${visibility} ${root})
  list(TRANSFORM ARG_USES PREPEND clew_)
  target_link_libraries(clew_${name} ${visibility} ${ARG_USES} ${ARG_LIBS})
endfunction()
