// Reads the tables of hostile inputs.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace tamiz::net {

// Every line that is no comment, cut at tabs; \xHH is a byte and \\ a backslash.
inline std::vector<std::vector<std::string>> Table(const std::string& name) {
  const char* const root = std::getenv("TAMIZ_SOURCE_DIR");
  EXPECT_NE(root, nullptr) << "TAMIZ_SOURCE_DIR is not set; run by ctest";
  std::ifstream file(std::string(root == nullptr ? "." : root) + "/tests/unit/net/" + name);
  EXPECT_TRUE(file) << name;
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string>& row = rows.emplace_back(1);
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\t') {
        row.emplace_back();
      } else if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '\\') {
        row.back() += line[++i];
      } else if (line[i] == '\\' && i + 3 < line.size() && line[i + 1] == 'x') {
        row.back() += static_cast<char>(std::stoi(line.substr(i + 2, 2), nullptr, 16));
        i += 3;
      } else {
        row.back() += line[i];
      }
    }
  }
  EXPECT_GT(rows.size(), 20u) << name;
  return rows;
}

}  // namespace tamiz::net
