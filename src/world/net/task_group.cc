#include "net/task_group.h"

#include <stdexcept>

namespace postroad::net {

namespace detail {

// The frame is destroyed in here; nothing of it may be touched afterwards.
void Root::promise_type::End::await_suspend(std::coroutine_handle<promise_type> h) noexcept {
  h.promise().owner->ended(h.promise());
}

Root run_root(Core&, task<void> task) {
  // A local, not the parameter: parameters outlive the promise, and with it the scope that a waiting task
  // must still find when its frame is destroyed.
  net::task<void> own = std::move(task);
  try {
    co_await std::move(own);
  } catch (const Cancelled&) {
  }
}

}  // namespace detail

TaskGroup::TaskGroup(Core& core, OnError on_error) : core_(core), on_error_(std::move(on_error)) {}

TaskGroup::~TaskGroup() {
  while (first_) {
    auto* root = first_;
    first_ = root->next;
    root->destroy();
  }
}

void TaskGroup::spawn(task<void> task) {
  if (!core_.may_touch()) throw std::logic_error("net: a TaskGroup is used on its own core only");
  auto& root = detail::run_root(core_, std::move(task)).frame.promise();
  root.owner = this;
  root.next = first_;
  if (first_) first_->prev = &root;
  first_ = &root;
  ++size_;
  if (cancelled_) root.own_scope.cancel();
  core_.make_ready(root);
}

void TaskGroup::cancel() {
  cancelled_ = true;
  for (auto* root = first_; root; root = root->next) root->own_scope.cancel();  // none runs in here
}

void TaskGroup::ended(detail::Root::promise_type& root) noexcept {
  (root.prev ? root.prev->next : first_) = root.next;
  if (root.next) root.next->prev = root.prev;
  std::exception_ptr error = std::move(root.error);
  root.handle().destroy();
  --size_;
  if (error && on_error_) on_error_(std::move(error));
  if (size_ == 0 && joining_) std::exchange(joining_, nullptr)->resume_soon();
}

void TaskGroup::Join::suspend(std::coroutine_handle<> h, Scope& scope) {
  attach(h, scope);
  group_.joining_ = this;
  if (scope.cancelled()) cancel();
}

void TaskGroup::Join::cancel() noexcept {
  interrupted_ = true;
  group_.cancel();
}

}  // namespace postroad::net
