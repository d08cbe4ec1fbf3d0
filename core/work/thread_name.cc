#include "core/work/thread_name.h"

#include <pthread.h>

#include <string>

namespace tamiz::work {

void NameThisThread(std::string_view kind, unsigned number) {
  const std::string name = (std::string(kind) + "-" + std::to_string(number)).substr(0, 15);
  pthread_setname_np(pthread_self(), name.c_str());
}

}  // namespace tamiz::work
