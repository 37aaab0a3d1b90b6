// A fit function of Mantid: specular reflectivity of a layered sample with analytic derivatives, by kiessig's C
// interface.
//
// x is Q in 1/angstrom. Parameters, lengths in angstrom and SLD in 1e-6/angstrom^2: Scale, Background, Resolution
// (1 sigma of Q over Q), FrontSLD, BackSLD, BackAbsorption, BackRoughness; then of each layer, from the front and
// counted from 0, Thickness<i>, SLD<i>, Absorption<i> and Roughness<i>, that of its front. The attribute nlayer is
// their number.
#ifndef KIESSIG_REFLECTIVITY_H
#define KIESSIG_REFLECTIVITY_H

#include <string>

#include "MantidAPI/IFunction1D.h"
#if __has_include("MantidAPI/ParamFunction.h")
#include "MantidAPI/ParamFunction.h"
#endif

class KiessigReflectivity : public Mantid::API::IFunction1D, public Mantid::API::ParamFunction {
 public:
  std::string name() const override { return "KiessigReflectivity"; }
  const std::string category() const override { return "Reflectometry"; }
  void setAttribute(const std::string& name, const Attribute& value) override;
  void function1D(double* out, const double* xValues, const std::size_t nData) const override;
  void functionDeriv1D(Mantid::API::Jacobian* out, const double* xValues, const std::size_t nData) override;

 protected:
  void init() override;

 private:
  void declareAll(int layers);
};

#endif
