#include "core/net/secret_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tamiz::net {
namespace {

std::string FileWith(const std::string& text) {
  const std::string path = testing::TempDir() + "/tamiz-secret";
  std::ofstream(path) << text;
  return path;
}

TEST(SecretFile, WithoutWhiteSpaceAround) {
  EXPECT_EQ(*ReadSecret(FileWith("  Bearer a b\r\n"), "k"), "Bearer a b");
}

TEST(SecretFile, WhatCannotBeUsedIsNamedWithoutTheSecret) {
  for (const std::string& text : {std::string(), std::string(" \n"), std::string("secret\nX-Injected: 1"),
                                  std::string("sec\0ret", 7), "secret" + std::string(70'000, 'x')}) {
    const auto secret = ReadSecret(FileWith(text), "source.http.authorization_file");
    EXPECT_EQ(secret.status().code(), StatusCode::kFailedPrecondition);
    EXPECT_EQ(Reason(secret.status()), "SECRET_UNREADABLE");
    EXPECT_NE(Message(secret.status()).find("source.http.authorization_file"), std::string::npos);
    EXPECT_EQ(Message(secret.status()).find("secret\n"), std::string::npos);
  }
  EXPECT_EQ(Reason(ReadSecret("/nowhere/at/all", "k").status()), "SECRET_UNREADABLE");
  EXPECT_EQ(Reason(ReadSecret(testing::TempDir(), "k").status()), "SECRET_UNREADABLE");
}

}  // namespace
}  // namespace tamiz::net
