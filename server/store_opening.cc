#include "server/store_opening.h"

#include "core/store/sqlite_store.h"
#ifdef TAMIZ_WITH_POSTGRES
#include "core/store/postgres_store.h"
#endif

namespace tamiz::server {

Status CheckStoreConfig(const config::Config& config) {
  if (config.store.engine == "sqlite") return OkStatus();
#ifdef TAMIZ_WITH_POSTGRES
  return store::CheckPostgresConfig(config.store);
#else
  return WithField(InvalidArgument("store.engine is \"postgresql\" and this program was built without it "
                                   "(TAMIZ_WITH_POSTGRES); use \"sqlite\" or another build"),
                   "store.engine");
#endif
}

StatusOr<std::unique_ptr<store::Store>> OpenStore(const config::Config& config) {
  TAMIZ_RETURN_IF_ERROR(CheckStoreConfig(config));
#ifdef TAMIZ_WITH_POSTGRES
  if (config.store.engine == "postgresql") return store::OpenPostgresStore(config.store);
#endif
  return store::OpenSqliteStore({.path = config.data_dir + "/tamiz.db"});
}

}  // namespace tamiz::server
