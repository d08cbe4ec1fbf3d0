# Every switch of the build, with what it is for.

option(TAMIZ_BUILD_SERVER "tamizd and the tamiz client. Off for the thread sanitizer: Debian's gRPC is not instrumented and floods it with reports." ON)
option(TAMIZ_WITH_POSTGRES "The PostgreSQL store, which replicas share. Off: SQLite only, and no libpq in tamizd." ON)
option(TAMIZ_BUILD_TESTS "Tests. Off for a release image." ON)
option(TAMIZ_BUILD_BENCH "Benchmarks; run by hand, never a gate." OFF)
option(TAMIZ_BUILD_FUZZERS "libFuzzer targets. Needs clang." OFF)
option(TAMIZ_WERROR "Warnings are errors. Off for users whose compiler is newer than ours." OFF)
set(TAMIZ_SANITIZE "" CACHE STRING "Sanitizers, comma separated, as for -fsanitize=; empty for none.")

if(TAMIZ_SANITIZE MATCHES "thread" AND TAMIZ_SANITIZE MATCHES "address")
  message(FATAL_ERROR "TAMIZ_SANITIZE: thread and address cannot be combined; build twice.")
endif()
if(TAMIZ_BUILD_FUZZERS AND NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "TAMIZ_BUILD_FUZZERS needs clang: use the preset 'fuzz'.")
endif()
if(TAMIZ_SANITIZE MATCHES "thread" AND TAMIZ_BUILD_SERVER)
  message(FATAL_ERROR "TAMIZ_SANITIZE=thread needs TAMIZ_BUILD_SERVER=OFF: use the preset 'tsan'.")
endif()
