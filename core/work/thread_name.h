// Names of threads, as `top -H` and debuggers show them.
#pragma once

#include <string_view>

namespace tamiz::work {

// Names the calling thread "<kind>-<number>"; Linux keeps the first 15 characters.
void NameThisThread(std::string_view kind, unsigned number);

}  // namespace tamiz::work
