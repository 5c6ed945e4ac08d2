extension String {
  /// A host as it stands in a URL: an IPv6 address is in brackets.
  var urlHost: String { contains(":") ? "[\(self)]" : self }
}
