#include "CJSON.h"

#include <simdjson.h>

#include <new>
#include <vector>

struct cjson_document {
  std::vector<cjson_node> nodes;
  std::vector<uint8_t> texts;
};

namespace {

void append_text(cjson_document &document, std::string_view text) {
  cjson_node node{};
  node.kind = CJSON_STRING;
  node.count = static_cast<uint32_t>(text.size());
  node.value.offset = document.texts.size();
  document.nodes.push_back(node);
  document.texts.insert(document.texts.end(), text.begin(), text.end());
}

void append(cjson_document &document, simdjson::dom::element element);

void append_array(cjson_document &document, simdjson::dom::array array) {
  size_t place = document.nodes.size();
  document.nodes.push_back(cjson_node{CJSON_ARRAY, 0, {0}});
  uint32_t count = 0;
  for (simdjson::dom::element element : array) {
    append(document, element);
    count++;
  }
  document.nodes[place].count = count;
}

void append_object(cjson_document &document, simdjson::dom::object object) {
  size_t place = document.nodes.size();
  document.nodes.push_back(cjson_node{CJSON_OBJECT, 0, {0}});
  uint32_t count = 0;
  for (simdjson::dom::key_value_pair member : object) {
    append_text(document, member.key);
    append(document, member.value);
    count++;
  }
  document.nodes[place].count = count;
}

// simdjson has bounded the depth, so the recursion is bounded too.
void append(cjson_document &document, simdjson::dom::element element) {
  cjson_node node{};
  switch (element.type()) {
  case simdjson::dom::element_type::NULL_VALUE:
    node.kind = CJSON_NULL;
    break;
  case simdjson::dom::element_type::BOOL:
    node.kind = bool(element) ? CJSON_TRUE : CJSON_FALSE;
    break;
  case simdjson::dom::element_type::INT64:
    node.kind = CJSON_INTEGER;
    node.value.integer = int64_t(element);
    break;
  case simdjson::dom::element_type::UINT64:
    node.kind = CJSON_NUMBER;
    node.value.number = static_cast<double>(uint64_t(element));
    break;
  case simdjson::dom::element_type::DOUBLE:
    node.kind = CJSON_NUMBER;
    node.value.number = double(element);
    break;
  case simdjson::dom::element_type::STRING:
    return append_text(document, std::string_view(element));
  case simdjson::dom::element_type::ARRAY:
    return append_array(document, element);
  case simdjson::dom::element_type::OBJECT:
    return append_object(document, element);
  }
  document.nodes.push_back(node);
}

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

}  // namespace

cjson_document *cjson_parse(const uint8_t *bytes, size_t length, size_t depth_max, cjson_status *status) {
  try {
    // Its buffers are kept for the next text of this thread.
    thread_local simdjson::dom::parser parser;
    // The deepest value counts as a level of its own in simdjson.
    simdjson::error_code error = parser.allocate(length < 4096 ? 4096 : length, depth_max + 1);
    simdjson::dom::element root;
    if (!error) error = parser.parse(bytes, length, true).get(root);
    if (error) {
      *status = status_of(error);
      return nullptr;
    }
    auto *document = new cjson_document;
    try {
      document->nodes.reserve(64);
      append(*document, root);
    } catch (...) {
      delete document;
      throw;
    }
    *status = CJSON_PARSED;
    return document;
  } catch (...) {
    *status = CJSON_NO_MEMORY;
    return nullptr;
  }
}

const cjson_node *cjson_nodes(const cjson_document *document, size_t *count) {
  *count = document->nodes.size();
  return document->nodes.data();
}

const uint8_t *cjson_texts(const cjson_document *document, size_t *count) {
  *count = document->texts.size();
  return document->texts.data();
}

void cjson_free(cjson_document *document) { delete document; }
