// What the C interface's opaque plan is.
#pragma once

#include <kiessig/kiessig.h>

#include <kiessig/specular.hpp>

struct kiessig_plan {
  kiessig::Plan plan;
};
