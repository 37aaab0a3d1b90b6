#include "KiessigReflectivity.h"

#include <kiessig/kiessig.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>
#if __has_include("MantidAPI/FunctionFactory.h")
#include "MantidAPI/FunctionFactory.h"
#endif

DECLARE_FUNCTION(KiessigReflectivity)

namespace {

enum { SCALE, BACKGROUND, RESOLUTION, FRONT_SLD, BACK_SLD, BACK_ABSORPTION, BACK_ROUGHNESS, COMMON };
enum { THICKNESS, SLD, ABSORPTION, ROUGHNESS, PER_LAYER };

constexpr std::size_t of_layer(std::size_t layer, std::size_t column) { return COMMON + PER_LAYER * layer + column; }

/// What kiessig reads, from the parameters of a function. Minimisers know constraints as penalties only, so that a
/// negative thickness, absorption or width that they try counts as 0; the sign of a roughness has no effect.
struct Stack {
  std::size_t layers;
  std::vector<double> thickness, sld, absorption, roughness, dq;
  double scale, background;

  Stack(const Mantid::API::IFunction& f, const double* q, std::size_t points)
      : layers((f.nParams() - COMMON) / PER_LAYER),
        scale(f.getParameter(SCALE)),
        background(f.getParameter(BACKGROUND)) {
    sld.push_back(f.getParameter(FRONT_SLD));
    absorption.push_back(0.0);
    for (std::size_t i = 0; i < layers; ++i) {
      thickness.push_back(std::max(f.getParameter(of_layer(i, THICKNESS)), 0.0));
      sld.push_back(f.getParameter(of_layer(i, SLD)));
      absorption.push_back(std::max(f.getParameter(of_layer(i, ABSORPTION)), 0.0));
      roughness.push_back(std::abs(f.getParameter(of_layer(i, ROUGHNESS))));
    }
    sld.push_back(f.getParameter(BACK_SLD));
    absorption.push_back(std::max(f.getParameter(BACK_ABSORPTION), 0.0));
    roughness.push_back(std::abs(f.getParameter(BACK_ROUGHNESS)));
    const double width = f.getParameter(RESOLUTION);
    if (width > 0.0)
      for (std::size_t i = 0; i < points; ++i) dq.push_back(width * std::abs(q[i]));
  }

  kiessig_batch batch(const double* q, std::size_t points) const {
    kiessig_batch b = kiessig_batch_default();
    b.n_q = static_cast<std::ptrdiff_t>(points);
    b.n_layers = static_cast<std::ptrdiff_t>(layers);
    b.q = kiessig_same_row(q);
    b.thickness = kiessig_same_row(thickness.data());
    b.sld = kiessig_same_row(sld.data());
    b.sld_imag = kiessig_same_row(absorption.data());
    b.roughness = kiessig_same_row(roughness.data());
    b.scale = kiessig_same_row(&scale);
    b.background = kiessig_same_row(&background);
    b.dq = kiessig_same_row(dq.empty() ? nullptr : dq.data());
    return b;
  }
};

void require(kiessig_status status, const char* message) {
  if (status != KIESSIG_OK) throw std::runtime_error(message);
}

}  // namespace

void KiessigReflectivity::init() {
  declareAttribute("nlayer", Attribute(0));
  declareAll(0);
}

void KiessigReflectivity::setAttribute(const std::string& name, const Attribute& value) {
  storeAttributeValue(name, value);
  if (name == "nlayer") declareAll(value.asInt());
}

void KiessigReflectivity::declareAll(int layers) {
  if (layers < 0) throw std::invalid_argument("KiessigReflectivity: nlayer must not be negative");
  clearAllParameters();
  declareParameter("Scale", 1.0);
  for (const char* name : {"Background", "Resolution", "FrontSLD", "BackSLD", "BackAbsorption", "BackRoughness"})
    declareParameter(name, 0.0);
  for (int i = 0; i < layers; ++i) {
    const std::string number = std::to_string(i);
    declareParameter("Thickness" + number, 100.0);
    for (const char* name : {"SLD", "Absorption", "Roughness"}) declareParameter(name + number, 0.0);
  }
}

void KiessigReflectivity::function1D(double* out, const double* xValues, const std::size_t nData) const {
  const Stack stack(*this, xValues, nData);
  const kiessig_batch batch = stack.batch(xValues, nData);
  char message[KIESSIG_MESSAGE_SIZE];
  require(kiessig_reflectivity(&batch, out, message, sizeof message), message);
}

void KiessigReflectivity::functionDeriv1D(Mantid::API::Jacobian* out, const double* xValues, const std::size_t nData) {
  const Stack stack(*this, xValues, nData);
  const kiessig_batch batch = stack.batch(xValues, nData);
  const std::size_t layers = stack.layers, media = layers + 2, interfaces = layers + 1;
  std::vector<double> r(nData), thickness(nData * layers), sld(nData * media), absorption(nData * media);
  std::vector<double> roughness(nData * interfaces), scale(nData), background(nData), width(nData);
  kiessig_derivatives d = kiessig_derivatives_default();
  d.thickness = thickness.data();
  d.sld = sld.data();
  d.sld_imag = absorption.data();
  d.roughness = roughness.data();
  d.scale = scale.data();
  d.background = background.data();
  d.dq = stack.dq.empty() ? nullptr : width.data();
  char message[KIESSIG_MESSAGE_SIZE];
  require(kiessig_reflectivity_jacobian(&batch, r.data(), &d, message, sizeof message), message);

  const auto turn = [this](std::size_t p) { return getParameter(p) < 0.0 ? -1.0 : 1.0; };
  for (std::size_t i = 0; i < nData; ++i) {
    out->set(i, SCALE, scale[i]);
    out->set(i, BACKGROUND, background[i]);
    out->set(i, RESOLUTION, width[i] * std::abs(xValues[i]));
    out->set(i, FRONT_SLD, sld[i * media]);
    out->set(i, BACK_SLD, sld[i * media + layers + 1]);
    out->set(i, BACK_ABSORPTION, absorption[i * media + layers + 1]);
    out->set(i, BACK_ROUGHNESS, roughness[i * interfaces + layers] * turn(BACK_ROUGHNESS));
    for (std::size_t j = 0; j < layers; ++j) {
      out->set(i, of_layer(j, THICKNESS), thickness[i * layers + j]);
      out->set(i, of_layer(j, SLD), sld[i * media + j + 1]);
      out->set(i, of_layer(j, ABSORPTION), absorption[i * media + j + 1]);
      out->set(i, of_layer(j, ROUGHNESS), roughness[i * interfaces + j] * turn(of_layer(j, ROUGHNESS)));
    }
  }
}
