# How targets are made: one function a kind, so that flags and names are the same everywhere.

add_library(tamiz_build_flags INTERFACE)
target_compile_features(tamiz_build_flags INTERFACE cxx_std_20)
target_include_directories(tamiz_build_flags INTERFACE ${PROJECT_SOURCE_DIR})
# -ffp-contract=off: hashes must come out the same bit for bit on every machine.
target_compile_options(tamiz_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align
  -Wno-missing-field-initializers -Werror=switch -Werror=return-type -ffp-contract=off
  $<$<BOOL:${TAMIZ_WERROR}>:-Werror>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Werror=thread-safety>
  $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE$<SEMICOLON>-D_FORTIFY_SOURCE=2>
  -fstack-protector-strong)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(tamiz_build_flags INTERFACE -fcf-protection)
endif()
target_link_options(tamiz_build_flags INTERFACE -Wl,-z,relro,-z,now)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 20)
if(TAMIZ_SANITIZE)
  target_compile_options(tamiz_build_flags INTERFACE -fsanitize=${TAMIZ_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(tamiz_build_flags INTERFACE -fsanitize=${TAMIZ_SANITIZE})
  target_compile_definitions(tamiz_build_flags INTERFACE TAMIZ_SANITIZED=1)
endif()
set_property(GLOBAL PROPERTY TAMIZ_TEST_NAMES "")

# tamiz_module(NAME SOURCES a.cc … [PUBLIC targets…] [PRIVATE targets…])
# A library tamiz_NAME, alias tamiz::NAME.
function(tamiz_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(tamiz_${name} STATIC ${arg_SOURCES})
  add_library(tamiz::${name} ALIAS tamiz_${name})
  target_link_libraries(tamiz_${name} PUBLIC tamiz_build_flags ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
endfunction()

# tamiz_program(NAME SOURCES a.cc … [LINK targets…])
function(tamiz_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE tamiz_build_flags ${arg_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endfunction()

# tamiz_test(NAME LABEL unit|contract|sandbox|integration|fuzz [ONE_PROCESS] SOURCES a_test.cc … [LINK targets…])
# A GoogleTest program; each of its tests is one for ctest, or the program as a whole if ONE_PROCESS.
function(tamiz_test name)
  cmake_parse_arguments(arg "ONE_PROCESS" "LABEL;TIMEOUT" "SOURCES;LINK" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE tamiz_build_flags ${arg_LINK} GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  if(TAMIZ_SANITIZE)
    # Optimising instrumented test code takes twice as long to compile as it saves.
    target_compile_options(${name} PRIVATE -O0)
  endif()
  if(arg_ONE_PROCESS)
    add_test(NAME ${arg_LABEL}.${name} COMMAND ${name})
    set_tests_properties(${arg_LABEL}.${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
    return()
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 120 TEST_PREFIX "${arg_LABEL}."
    PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()

# tamiz_bench(NAME SOURCES a_bench.cc … [LINK targets…])
function(tamiz_bench name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE tamiz_build_flags ${arg_LINK} benchmark::benchmark)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
endfunction()
