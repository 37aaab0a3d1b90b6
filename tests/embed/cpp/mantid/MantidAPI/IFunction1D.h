// The part of Mantid's MantidAPI that a fit function sees, for machines without Mantid: names, signatures and order of
// calls as documented there. A program that has Mantid compiles against its headers instead.
#ifndef MANTID_STAND_IN_IFUNCTION1D_H
#define MANTID_STAND_IN_IFUNCTION1D_H

#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace Mantid::API {

class Jacobian {
 public:
  virtual ~Jacobian() = default;
  virtual void set(std::size_t iY, std::size_t iP, double value) = 0;
};

class IFunction {
 public:
  class Attribute {
   public:
    Attribute() = default;
    explicit Attribute(int value) : m_value(value) {}
    int asInt() const { return m_value; }

   private:
    int m_value = 0;
  };

  virtual ~IFunction() = default;
  void initialize() { init(); }
  virtual std::string name() const = 0;
  virtual const std::string category() const { return "General"; }
  virtual void declareParameter(const std::string& name, double initValue = 0, const std::string& description = "") = 0;
  virtual void setParameter(std::size_t i, const double& value, bool explicitlySet = true) = 0;
  virtual double getParameter(std::size_t i) const = 0;
  virtual std::size_t nParams() const = 0;
  virtual std::string parameterName(std::size_t i) const = 0;
  virtual void setAttribute(const std::string& name, const Attribute& value) { storeAttributeValue(name, value); }
  virtual Attribute getAttribute(const std::string& name) const { return m_attributes.at(name); }

 protected:
  virtual void init() {}
  virtual void clearAllParameters() = 0;
  void declareAttribute(const std::string& name, const Attribute& value) { m_attributes[name] = value; }
  void storeAttributeValue(const std::string& name, const Attribute& value) { m_attributes.at(name) = value; }

 private:
  std::map<std::string, Attribute> m_attributes;
};

class IFunction1D : public virtual IFunction {
 public:
  virtual void function1D(double* out, const double* xValues, const std::size_t nData) const = 0;
  virtual void functionDeriv1D(Jacobian* out, const double* xValues, const std::size_t nData) = 0;
};

class ParamFunction : public virtual IFunction {
 public:
  void declareParameter(const std::string& name, double initValue = 0, const std::string& = "") override {
    m_names.push_back(name);
    m_values.push_back(initValue);
  }
  void setParameter(std::size_t i, const double& value, bool = true) override { m_values.at(i) = value; }
  double getParameter(std::size_t i) const override { return m_values.at(i); }
  std::size_t nParams() const override { return m_names.size(); }
  std::string parameterName(std::size_t i) const override { return m_names.at(i); }

 protected:
  void clearAllParameters() override {
    m_names.clear();
    m_values.clear();
  }

 private:
  std::vector<std::string> m_names;
  std::vector<double> m_values;
};

}  // namespace Mantid::API

#define DECLARE_FUNCTION(classname)

#endif
