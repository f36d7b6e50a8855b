#include "dns/fixed_resolver.h"

namespace postroad::dns {

std::string FixedResolver::known_as(const std::string& name) const {
  const std::size_t last = name.rfind('.');
  if (last == std::string::npos) return name;
  const std::size_t before = name.rfind('.', last - 1);
  const std::string second = name.substr(before == std::string::npos ? 0 : before + 1,
                                         last - (before == std::string::npos ? 0 : before + 1));
  const auto family = names_.families.find(second);
  if (family == names_.families.end()) return name;
  return (before == std::string::npos ? std::string() : name.substr(0, before + 1)) + family->second;
}

Error FixedResolver::nothing(const std::string& name) const {
  const auto error = names_.errors.find(name);
  if (error != names_.errors.end()) return error->second;
  const bool exists =
      names_.mx.contains(name) || names_.addresses.contains(name) || names_.txt.contains(name);
  return exists ? Error::NoData : Error::NoSuchDomain;
}

Lookup<Mx> FixedResolver::mx(std::string name) {
  name = known_as(name);
  const auto it = names_.mx.find(name);
  if (it == names_.mx.end() || names_.errors.contains(name)) co_return refuse(nothing(name));
  co_return Answer<Mx>{.records = it->second};
}

Lookup<IpAddress> FixedResolver::address(std::string name, bool six) const {
  name = known_as(name);
  Answer<IpAddress> out;
  if (const auto it = names_.addresses.find(name);
      it != names_.addresses.end() && !names_.errors.contains(name))
    for (const IpAddress& address : it->second)
      if (address.is_v6() == six) out.records.push_back(address);
  if (out.records.empty()) co_return refuse(nothing(name));
  co_return out;
}

Lookup<IpAddress> FixedResolver::a(std::string name) { return address(std::move(name), false); }
Lookup<IpAddress> FixedResolver::aaaa(std::string name) { return address(std::move(name), true); }

Lookup<std::string> FixedResolver::txt(std::string name) {
  name = known_as(name);
  const auto it = names_.txt.find(name);
  if (it == names_.txt.end()) co_return refuse(nothing(name));
  co_return Answer<std::string>{.records = it->second};
}

Lookup<std::string> FixedResolver::ptr(IpAddress) { co_return refuse(Error::NoSuchDomain); }
Lookup<TlsaRecord> FixedResolver::tlsa(std::string name) { co_return refuse(nothing(known_as(name))); }

std::unique_ptr<Resolver> demo_resolver() {
  FixedNames names;
  const IpAddress here = IpAddress::v4(0x7f000001);
  names.families["example"] = "example.*";
  for (const std::string domain : {"demo.test", "example.*"}) {
    names.mx[domain] = {{10, "mail." + domain}};
    names.addresses["mail." + domain] = {here};
    names.addresses[domain] = {here};
  }
  return std::make_unique<FixedResolver>(std::move(names));
}

}  // namespace postroad::dns
