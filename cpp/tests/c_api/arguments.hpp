// A batch with memory for all that a call of the C interface reads and writes.
#pragma once

#include <kiessig/kiessig.h>

#include <cstddef>
#include <kiessig/specular.hpp>
#include <string>
#include <vector>

#include "../check.hpp"

namespace kiessig_test {

using Numbers = std::vector<double>;

struct Arguments {
  std::ptrdiff_t n_batch, n_q, n_layers;
  Numbers q, thickness, sld, sld_imag, roughness, scale, background, dq;

  Arguments(std::uint64_t seed, std::ptrdiff_t batch, std::ptrdiff_t points, std::ptrdiff_t layers)
      : n_batch(batch), n_q(points), n_layers(layers) {
    check::Random random(seed);
    const auto numbers = [&](std::ptrdiff_t length, double low, double high) {
      Numbers all(static_cast<std::size_t>(batch * length));
      for (double& x : all) x = random.uniform(low, high);
      return all;
    };
    q = numbers(points, -0.3, 0.3);
    thickness = numbers(layers, 0.0, 300.0);
    sld = numbers(layers + 2, -1.0, 7.0);
    sld_imag = numbers(layers + 2, 0.0, 0.1);
    roughness = numbers(layers + 1, 0.0, 10.0);
    scale = numbers(1, 0.5, 2.0);
    background = numbers(1, 0.0, 1e-6);
    dq = numbers(points, 0.0, 0.005);
  }

  kiessig_batch c() const {
    kiessig_batch batch = kiessig_batch_default();
    batch.n_batch = n_batch;
    batch.n_q = n_q;
    batch.n_layers = n_layers;
    batch.q = {q.data(), n_q};
    batch.thickness = {thickness.data(), n_layers};
    batch.sld = {sld.data(), n_layers + 2};
    batch.sld_imag = {sld_imag.data(), n_layers + 2};
    batch.roughness = {roughness.data(), n_layers + 1};
    batch.scale = {scale.data(), 1};
    batch.background = {background.data(), 1};
    batch.dq = {dq.data(), n_q};
    return batch;
  }

  kiessig::SpecularBatch cpp() const {
    kiessig::SpecularBatch batch;
    batch.n_batch = n_batch;
    batch.n_q = n_q;
    batch.n_layers = n_layers;
    batch.q = {q.data(), n_q};
    batch.thickness = {thickness.data(), n_layers};
    batch.sld = {sld.data(), n_layers + 2};
    batch.sld_imag = {sld_imag.data(), n_layers + 2};
    batch.roughness = {roughness.data(), n_layers + 1};
    batch.scale = {scale.data(), 1};
    batch.background = {background.data(), 1};
    batch.dq = {dq.data(), n_q};
    return batch;
  }
};

// Memory for derivatives, `points` rows of them for every stack: n_q in a Jacobian, 1 in a gradient.
struct Fields {
  Numbers thickness, sld, sld_imag, roughness, q, scale, background, dq;

  Fields(const Arguments& a, std::ptrdiff_t points, double fill = 0.0) {
    const auto numbers = [&](std::ptrdiff_t n) { return Numbers(static_cast<std::size_t>(a.n_batch * n), fill); };
    thickness = numbers(points * a.n_layers);
    sld = numbers(points * (a.n_layers + 2));
    sld_imag = sld;
    roughness = numbers(points * (a.n_layers + 1));
    q = numbers(a.n_q);
    dq = q;
    scale = numbers(points);
    background = scale;
  }

  kiessig_derivatives c() {
    kiessig_derivatives fields = kiessig_derivatives_default();
    fields.thickness = thickness.data();
    fields.sld = sld.data();
    fields.sld_imag = sld_imag.data();
    fields.roughness = roughness.data();
    fields.q = q.data();
    fields.scale = scale.data();
    fields.background = background.data();
    fields.dq = dq.data();
    return fields;
  }

  kiessig::SpecularFields<double*> cpp() {
    return {thickness.data(), sld.data(),   sld_imag.data(),   roughness.data(),
            q.data(),         scale.data(), background.data(), dq.data()};
  }

  bool operator==(const Fields& other) const {
    return thickness == other.thickness && sld == other.sld && sld_imag == other.sld_imag &&
           roughness == other.roughness && q == other.q && scale == other.scale && background == other.background &&
           dq == other.dq;
  }
};

// The message of one call, and its status.
struct Report {
  char text[KIESSIG_MESSAGE_SIZE] = "not written";
  kiessig_status status = -1;
};

}  // namespace kiessig_test
