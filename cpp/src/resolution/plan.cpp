#include "plan_state.hpp"

namespace kiessig {

Plan::Plan() : state_(std::make_unique<State>()) {}
Plan::~Plan() = default;
Plan::State& Plan::state() { return *state_; }

}  // namespace kiessig
