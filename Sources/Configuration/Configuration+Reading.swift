extension Configuration {
    /// Reads a whole file.
    ///
    /// - Parameters:
    ///   - text: The contents of the file, YAML 1.1 in UTF-8.
    ///   - file: Its name, for diagnostics.
    /// - Throws: Every error at once; a file with one error yields nothing.
    package init(yaml text: String, file: String) throws(ConfigurationRefusal) {
        throw ConfigurationRefusal(file: file, diagnostics: [])
    }
}
