/// Where in the configuration file something stands.
package struct Place: Sendable, Hashable {
    /// From the root: `keys[0].secret_file`. Empty for the file as a whole.
    package var path: String
    /// From 1, as editors count; 0 when there is no place in the text.
    package var line: Int
    /// From 1, in Unicode scalars; 0 when there is no place in the text.
    package var column: Int

    package init(path: String, line: Int, column: Int) {
        self.path = path
        self.line = line
        self.column = column
    }

    /// The file as a whole.
    package static let file = Place(path: "", line: 0, column: 0)
}

/// A value and where it was written, for stages after reading that may still find fault with it.
package struct Located<Value> {
    package var value: Value
    package var place: Place

    package init(_ value: Value, at place: Place) {
        self.value = value
        self.place = place
    }
}

extension Located: Sendable where Value: Sendable {}
extension Located: Equatable where Value: Equatable {}
extension Located: Hashable where Value: Hashable {}
