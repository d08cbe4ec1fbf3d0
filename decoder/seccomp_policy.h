// Which system calls a confined decoder may make: one table, each entry with its reason.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tamiz::decoder {

// What happens at a system call. What is not in the table kills the process.
enum class SyscallAction {
  kAllow,
  kRefuseAccess,      // EACCES: libraries probe for files and live without
  kRefusePermission,  // EPERM
  kRefuseUnknown,     // ENOSYS: libraries fall back
};

// (argument `index` & `mask`) == `value`
struct ArgumentRule {
  unsigned index;
  std::uint64_t mask;
  std::uint64_t value;
};

struct SyscallRule {
  int number;
  SyscallAction action;
  std::string_view why;
  std::optional<ArgumentRule> only_if;
  std::optional<ArgumentRule> and_if;  // of another argument
};

[[nodiscard]] std::span<const SyscallRule> SyscallPolicy();

// The policy as a program for the kernel; empty if libseccomp refuses. Built once in the zygote: a decoder
// loads it with one system call.
[[nodiscard]] std::vector<sock_filter> CompilePolicy();

}  // namespace tamiz::decoder
