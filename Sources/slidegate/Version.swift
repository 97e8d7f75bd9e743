/// The version of this program. This is its one place: packages, manual pages and metrics say what the program says.
enum Version {
    static let text = "0.1.0"
}
