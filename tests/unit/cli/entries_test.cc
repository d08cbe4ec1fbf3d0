#include "cli/entries.h"

#include <gtest/gtest.h>

namespace tamiz::cli {
namespace {

TEST(CsvRows, OneRowAHashWithQuotesWhereNeeded) {
  v1::Entry entry;
  entry.set_entry_id("a,\"b\"");
  entry.add_labels("A1");
  entry.add_labels("B2");
  (*entry.mutable_metadata())["case"] = "1, 2";
  v1::EntryHash* digest = entry.add_hashes();
  digest->set_type(v1::HASH_TYPE_MD5);
  digest->set_value(std::string(16, '\xab'));
  v1::EntryHash* frame = entry.add_hashes();
  frame->set_type(v1::HASH_TYPE_PDQ);
  frame->set_hex(std::string(64, '1'));
  frame->set_quality(77);
  frame->set_time_ms(0);
  EXPECT_EQ(CsvRows(entry),
            "\"a,\"\"b\"\"\",md5,abababababababababababababababab,A1;B2,\"{\"\"case\"\":\"\"1, 2\"\"}\",,\n"
            "\"a,\"\"b\"\"\",pdq," +
                std::string(64, '1') + ",A1;B2,\"{\"\"case\"\":\"\"1, 2\"\"}\",77,0\n");
}

TEST(CsvRows, WritesOpaqueHashesWithTheirKindAndEncoding) {
  v1::Entry entry;
  entry.set_entry_id("x");
  v1::EntryHash* opaque = entry.add_hashes();
  opaque->set_type(v1::HASH_TYPE_OPAQUE);
  opaque->set_opaque_type("new,kind");
  opaque->set_value("text");
  EXPECT_EQ(CsvRows(entry), "x,\"opaque:new,kind\",hex:74657874,,,,\n");
}

}  // namespace
}  // namespace tamiz::cli
