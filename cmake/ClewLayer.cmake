# Flags that every target of the house is built with.
add_library(clew_flags INTERFACE)
target_compile_options(clew_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wimplicit-fallthrough
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual>)
target_compile_definitions(clew_flags INTERFACE _GNU_SOURCE)
if(CLEW_SANITIZE)
  target_compile_options(clew_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(clew_flags INTERFACE -fsanitize=address,undefined)
endif()

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
    set(visibility PUBLIC)
  else()
    add_library(clew_${name} INTERFACE)
    set(visibility INTERFACE)
  endif()
  target_include_directories(clew_${name} ${visibility} ${root})
  list(TRANSFORM ARG_USES PREPEND clew_)
  target_link_libraries(clew_${name} ${visibility} ${ARG_USES} ${ARG_LIBS})
endfunction()
