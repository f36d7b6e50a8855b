// Observer: reads what every commit does to the queue's shards and tells the Model in its own words.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "memory_store.h"
#include "model.h"
#include "queue/record.h"
#include "trace.h"

namespace postroad::simulation {

class Observer {
 public:
  Observer(const MemoryStore& store, Model& model, Trace& trace, const Clock& clock,
           std::function<void(std::string)> wrong)
      : store_(store), model_(model), trace_(trace), clock_(clock), wrong_(std::move(wrong)) {}

  // The message that the queue calls so.
  void name(QueueId id, std::string model_id) { names_[id] = std::move(model_id); }
  void see(const store::Batch& batch);
  std::string content(const std::string& id) const {
    const auto it = contents_.find(id);
    return it == contents_.end() ? std::string() : it->second;
  }
  std::uint64_t reports = 0;
  // By due time: the messages that commands may be meant for.
  std::vector<QueueId> waiting() const;
  std::size_t entries() const { return entries_.size(); }
  const std::string& name(QueueId id) const { return names_.at(id); }

 private:
  struct Kept {
    std::vector<std::string> addresses;
    Model::Place place;
  };
  void take_in(const queue::Message& message, std::vector<Model::Report>& news);

  const MemoryStore& store_;
  Model& model_;
  Trace& trace_;
  const Clock& clock_;
  std::function<void(std::string)> wrong_;
  std::map<QueueId, std::string> names_;
  std::map<std::string, std::string> contents_;
  std::map<std::string, Kept> entries_;          // by key
  std::map<QueueId, std::set<std::string>> of_;  // keys of a message's entries
  std::set<QueueId> messages_;                   // whose "m" is there
};

}  // namespace postroad::simulation
