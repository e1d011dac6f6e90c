#include "CJSON.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

// What one thread keeps for its next text.
struct workspace {
  simdjson::dom::parser parser;
  size_t capacity = 0;
  size_t depth_max = 0;
  std::vector<uint8_t> padded;
  std::vector<uint8_t> block;
};

class encoder {
public:
  encoder(std::vector<uint8_t> &block, size_t depth_max) : block(block), depth_max(depth_max) {}

  size_t written() const { return count; }

  // `level`: how many arrays and objects the value stands in. simdjson bounds it too, but for empty ones.
  cjson_status value(simdjson::dom::element element, size_t level) {
    switch (element.type()) {
    case simdjson::dom::element_type::NULL_VALUE:
      return bare(CJSON_NULL);
    case simdjson::dom::element_type::BOOL:
      return bare(bool(element) ? CJSON_TRUE : CJSON_FALSE);
    case simdjson::dom::element_type::INT64:
      return fixed(CJSON_INTEGER, int64_t(element));
    case simdjson::dom::element_type::UINT64:
      return fixed(CJSON_NUMBER, static_cast<double>(uint64_t(element)));
    case simdjson::dom::element_type::DOUBLE:
      return fixed(CJSON_NUMBER, double(element));
    case simdjson::dom::element_type::STRING:
      return text(std::string_view(element));
    case simdjson::dom::element_type::ARRAY:
      return array(element, level);
    case simdjson::dom::element_type::OBJECT:
      return object(element, level);
    }
    return CJSON_MALFORMED;
  }

private:
  // Larger than what is written: a vector that grows with every write would cost more than the parsing.
  std::vector<uint8_t> &block;
  size_t count = 0;
  size_t depth_max;

  // Where the next `bytes` bytes are written.
  uint8_t *claim(size_t bytes) {
    if (block.size() - count < bytes) block.resize(std::max({2 * block.size(), count + bytes, size_t(4096)}));
    uint8_t *place = block.data() + count;
    count += bytes;
    return place;
  }

  cjson_status bare(cjson_kind kind) {
    *claim(1) = kind;
    return CJSON_PARSED;
  }

  template <typename number> cjson_status fixed(cjson_kind kind, number value) {
    uint8_t *place = claim(1 + sizeof value);
    *place = kind;
    std::memcpy(place + 1, &value, sizeof value);
    return CJSON_PARSED;
  }

  cjson_status text(std::string_view text) {
    if (text.size() <= UINT8_MAX)
      fixed(CJSON_SHORT_STRING, static_cast<uint8_t>(text.size()));
    else
      fixed(CJSON_STRING, static_cast<uint32_t>(text.size()));
    std::memcpy(claim(text.size()), text.data(), text.size());
    return CJSON_PARSED;
  }

  cjson_status array(simdjson::dom::array array, size_t level) {
    if (level >= depth_max) return CJSON_TOO_DEEP;
    size_t start = open(CJSON_ARRAY);
    for (simdjson::dom::element element : array) {
      cjson_status status = value(element, level + 1);
      if (status != CJSON_PARSED) return status;
    }
    return close(start);
  }

  cjson_status object(simdjson::dom::object object, size_t level) {
    if (level >= depth_max) return CJSON_TOO_DEEP;
    if (has_repeated_name(object)) return CJSON_NAME_REPEATED;
    size_t start = open(CJSON_OBJECT);
    for (simdjson::dom::key_value_pair member : object) {
      text(member.key);
      cjson_status status = value(member.value, level + 1);
      if (status != CJSON_PARSED) return status;
    }
    return close(start);
  }

  size_t open(cjson_kind kind) {
    fixed(kind, uint32_t(0));
    return count;
  }

  // A text of less than 4 GiB, which is all that simdjson takes, has a block of less than 4 GiB for every container but
  // absurd ones; those are refused.
  cjson_status close(size_t start) {
    size_t inside = count - start;
    if (inside > UINT32_MAX) return CJSON_NO_MEMORY;
    uint32_t stated = static_cast<uint32_t>(inside);
    std::memcpy(block.data() + start - sizeof stated, &stated, sizeof stated);
    return CJSON_PARSED;
  }

  static bool has_repeated_name(simdjson::dom::object object) {
    // Few names: comparing all is cheaper than sorting them.
    std::string_view few[12];
    size_t count = 0;
    for (simdjson::dom::key_value_pair member : object) {
      if (count == sizeof few / sizeof *few) return has_repeated_name_sorted(object);
      for (size_t earlier = 0; earlier < count; earlier++)
        if (few[earlier] == member.key) return true;
      few[count++] = member.key;
    }
    return false;
  }

  static bool has_repeated_name_sorted(simdjson::dom::object object) {
    std::vector<std::string_view> names;
    for (simdjson::dom::key_value_pair member : object) names.push_back(member.key);
    std::sort(names.begin(), names.end());
    return std::adjacent_find(names.begin(), names.end()) != names.end();
  }
};

cjson_status status_of(simdjson::error_code error) {
  switch (error) {
  case simdjson::SUCCESS:
    return CJSON_PARSED;
  case simdjson::DEPTH_ERROR:
    return CJSON_TOO_DEEP;
  case simdjson::NUMBER_ERROR:
    return CJSON_NUMBER_OUT_OF_RANGE;
  case simdjson::UTF8_ERROR:
    return CJSON_NOT_UTF8;
  case simdjson::MEMALLOC:
    return CJSON_NO_MEMORY;
  default:
    return CJSON_MALFORMED;
  }
}

// simdjson allocates anew whenever it is told how much to expect: it is told only of what is new. It reads some bytes
// behind a text too, so the text is copied to where there are some.
simdjson::error_code prepare(workspace &space, const uint8_t *text, size_t length, size_t depth_max) {
  if (length > space.capacity || depth_max != space.depth_max) {
    size_t capacity = std::max({length, space.capacity, size_t(4096)});
    // The deepest value counts as a level of its own in simdjson.
    simdjson::error_code error = space.parser.allocate(capacity, depth_max + 1);
    if (error) {
      space.capacity = 0;
      return error;
    }
    space.capacity = capacity;
    space.depth_max = depth_max;
  }
  if (space.padded.size() < length + simdjson::SIMDJSON_PADDING)
    space.padded.resize(space.capacity + simdjson::SIMDJSON_PADDING);
  if (length > 0) std::memcpy(space.padded.data(), text, length);
  return simdjson::SUCCESS;
}

}  // namespace

cjson_status cjson_parse(const uint8_t *text, size_t length, size_t depth_max, const uint8_t **block, size_t *count) {
  try {
    thread_local workspace space;
    simdjson::error_code error = prepare(space, text, length, depth_max);
    simdjson::dom::element root;
    if (!error) error = space.parser.parse(space.padded.data(), length, false).get(root);
    if (error) return status_of(error);
    encoder encoder(space.block, depth_max);
    cjson_status status = encoder.value(root, 0);
    *block = space.block.data();
    *count = encoder.written();
    return status;
  } catch (...) {
    return CJSON_NO_MEMORY;
  }
}
