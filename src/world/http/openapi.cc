// The route table as a document: OpenAPI 3.1 for programs, Markdown for people.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/ascii.h"
#include "http/router.h"

namespace postroad::http {

namespace json = boost::json;

namespace {

json::object schema_of(Type type) {
  switch (type) {
    case Type::Text: return {{"type", "string"}};
    case Type::Number: return {{"type", "integer"}, {"minimum", 0}};
    case Type::Flag: return {{"type", "boolean"}};
    case Type::Texts: return {{"type", "array"}, {"items", json::object{{"type", "string"}}}};
    case Type::Object: return {{"type", "object"}};
    case Type::Objects: return {{"type", "array"}, {"items", json::object{{"type", "object"}}}};
  }
  return {};
}

std::string_view word_for(Type type) {
  switch (type) {
    case Type::Text: return "string";
    case Type::Number: return "number";
    case Type::Flag: return "boolean";
    case Type::Texts: return "strings";
    case Type::Object: return "object";
    case Type::Objects: return "objects";
  }
  return {};
}

json::object schema_of(const std::vector<Field>& fields) {
  json::object properties;
  json::array required;
  for (const Field& field : fields) {
    auto schema = schema_of(field.type);
    schema["description"] = field.help;
    properties[field.name] = std::move(schema);
    if (field.required) required.emplace_back(field.name);
  }
  json::object schema{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

json::object content_of(std::string_view type, json::object schema) {
  return {{type, json::object{{"schema", std::move(schema)}}}};
}

json::object answer_of(const Route& route) {
  json::object answer{{"description", route.summary}};
  if (!route.answer_stream.empty()) {
    answer["content"] = content_of(route.answer_stream, {{"type", "string"}});
  } else if (!route.answer.empty()) {
    auto schema = schema_of(route.answer);
    if (route.list)
      schema = {
          {"type", "object"},
          {"properties", json::object{{"object", json::object{{"const", "list"}}},
                                      {"data", json::object{{"type", "array"}, {"items", std::move(schema)}}},
                                      {"has_more", json::object{{"type", "boolean"}}},
                                      {"next", json::object{{"type", json::array{"string", "null"}}}}}}};
    answer["content"] = content_of("application/json", std::move(schema));
  }
  return answer;
}

json::array parameters_of(const Route& route) {
  json::array out;
  for (std::size_t at = route.path.find('{'); at != std::string_view::npos;
       at = route.path.find('{', at + 1)) {
    const auto name = route.path.substr(at + 1, route.path.find('}', at) - at - 1);
    out.push_back(json::object{
        {"name", name}, {"in", "path"}, {"required", true}, {"schema", json::object{{"type", "string"}}}});
  }
  for (const Field& field : route.query)
    out.push_back(json::object{{"name", field.name},
                               {"in", "query"},
                               {"description", field.help},
                               {"required", field.required},
                               {"schema", schema_of(field.type)}});
  return out;
}

json::object operation_of(const Route& route) {
  json::object operation{{"operationId", route.name}, {"summary", route.summary}};
  if (auto parameters = parameters_of(route); !parameters.empty())
    operation["parameters"] = std::move(parameters);
  if (!route.body_stream.empty())
    operation["requestBody"] =
        json::object{{"required", true}, {"content", content_of(route.body_stream, {{"type", "string"}})}};
  else if (!route.body.empty())
    operation["requestBody"] =
        json::object{{"content", content_of("application/json", schema_of(route.body))}};
  operation["responses"] = json::object{{std::to_string(route.success), answer_of(route)},
                                        {"default", json::object{{"$ref", "#/components/responses/Error"}}}};
  if (route.scope == Scope::Public)
    operation["security"] = json::array{};
  else
    operation["security"] = json::array{json::object{{"key", json::array{to_text(route.scope)}}}};
  return operation;
}

const std::vector<Field> error_fields{
    {"statusCode", Type::Number, "The status of the response.", true},
    {"name", Type::Text, "What went wrong, for programs.", true},
    {"message", Type::Text, "What went wrong and what to do, for people.", true},
    {"details", Type::Texts, "Every fault that was found, where there are several.", true},
    {"request_id", Type::Text, "To be named when asking for help; the log has it too.", true},
};

void table_of(std::string& page, std::string_view title, const std::vector<Field>& fields) {
  if (fields.empty()) return;
  page += fmt::format("\n| {} | | |\n|---|---|---|\n", title);
  for (const Field& field : fields)
    page += fmt::format("| `{}` | {}{} | {} |\n", field.name, word_for(field.type),
                        field.required ? ", required" : "", field.help);
}

}  // namespace

std::string Router::openapi(std::string_view title, std::string_view version) const {
  json::object paths;
  for (const Route& route : routes_) {
    auto& path = paths[route.path];
    if (!path.is_object()) path.emplace_object();
    path.get_object()[ascii::to_lower(to_text(route.method))] = operation_of(route);
  }
  const json::object document{
      {"openapi", "3.1.0"},
      {"info", json::object{{"title", title}, {"version", version}}},
      {"paths", std::move(paths)},
      {"components",
       json::object{
           {"securitySchemes", json::object{{"key", json::object{{"type", "http"}, {"scheme", "bearer"}}}}},
           {"responses",
            json::object{{"Error", json::object{{"description", "What went wrong, and what to do."},
                                                {"content", content_of("application/json",
                                                                       schema_of(error_fields))}}}}}}}};
  return json::serialize(document);
}

std::string Router::reference_page() const {
  std::string page =
      "# The HTTP API\n\n"
      "Made from the route table by `postroad docs api`; do not edit. The same as OpenAPI 3.1: "
      "`/api/v1/openapi.json`.\n\n"
      "Send `Authorization: Bearer KEY`; `postroad key add` makes one. On `DATA/control.sock` no key is "
      "needed.\n"
      "Lists are `{\"object\":\"list\",\"data\":[...],\"has_more\":false,\"next\":null}`; send `next` back "
      "as `after` for the "
      "following page.\nAn error is an object:\n";
  table_of(page, "error", error_fields);
  for (const Route& route : routes_) {
    page += fmt::format("\n## {} {}\n\n{} ", to_text(route.method), route.path, route.summary);
    page += route.scope == Scope::Public ? std::string("No key is needed.\n")
                                         : fmt::format("Scope `{}`.\n", to_text(route.scope));
    if (!route.body_stream.empty()) page += fmt::format("\nThe body is `{}`.\n", route.body_stream);
    if (!route.answer_stream.empty()) page += fmt::format("\nThe answer is `{}`.\n", route.answer_stream);
    table_of(page, "query", route.query);
    table_of(page, "body", route.body);
    table_of(page, route.list ? "each of the answer's data" : "answer", route.answer);
  }
  return page;
}

}  // namespace postroad::http
