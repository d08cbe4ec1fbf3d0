# Every dependency, all Debian packages (deploy/packages.txt); nothing is downloaded at build time.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(tomlplusplus CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED COMPONENTS core pull)
find_package(SQLiteCpp CONFIG REQUIRED)

pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)
# Decoders: linked into tamiz-decoder and nothing else.
pkg_check_modules(ffmpeg REQUIRED IMPORTED_TARGET libavformat libavcodec libswscale libavutil)
pkg_check_modules(heif REQUIRED IMPORTED_TARGET libheif)
pkg_check_modules(webp REQUIRED IMPORTED_TARGET libwebpdemux libwebp)
pkg_check_modules(jpeg REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)

if(TAMIZ_BUILD_SERVER)
  find_package(Protobuf REQUIRED)  # module mode: Debian 12 ships no ProtobufConfig.cmake
  find_package(gRPC CONFIG REQUIRED)
  find_package(CLI11 CONFIG REQUIRED)
endif()
if(TAMIZ_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
if(TAMIZ_BUILD_BENCH)
  find_package(benchmark REQUIRED)
endif()
