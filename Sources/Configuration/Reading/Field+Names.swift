extension Field {
    /// The path of a request, in normal form.
    func urlPath(expected form: String) -> String? {
        guard let path = text(expected: form) else { return nil }
        if let fault = Grammar.faultOfPath(path, encodedSlashes: .refuse) {
            refuse("\"\(Quotation.shortened(path))\" \(fault)", expected: form)
            return nil
        }
        return path
    }

    /// A path that stands for all below it, too; so it is longer than `/`, and has no slash at its end.
    func urlPathOfFolder(expected form: String) -> String? {
        guard let path = urlPath(expected: form) else { return nil }
        guard !path.hasSuffix("/") else {
            let bare = String(path.dropLast())
            refuse("\"\(Quotation.shortened(path))\" ends with a slash", expected: form, suggestion: bare.isEmpty ? nil : bare)
            return nil
        }
        return path
    }

    /// The name of a file, relative to the folder of the configuration or absolute.
    func fileName() -> String? {
        guard let text = text(expected: "a file name") else { return nil }
        guard !text.utf8.contains(0), text.utf8.count <= 4096, !text.contains("\n") else {
            refuse("is no file name", expected: "a file name")
            return nil
        }
        return text
    }

    /// The name of an environment variable.
    func variableName() -> String? {
        guard let text = text(expected: "the name of a variable") else { return nil }
        let isName =
            text.utf8.count <= 256 && !(text.utf8.first.map { $0 >= 0x30 && $0 <= 0x39 } ?? true)
            && text.utf8.allSatisfy { byte in
                (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || byte == 0x5F
            }
        guard isName else {
            // A secret put here by mistake must not be repeated in a message.
            refuse("is no name of an environment variable", expected: "letters, digits and underscores")
            return nil
        }
        return text
    }
}

extension Section {
    /// What two keys say of where a secret is, of which one may be there.
    func secret(file fileKey: Key, environment environmentKey: Key) -> Located<Configuration.SecretSource>? {
        switch (self[fileKey], self[environmentKey]) {
        case (let file?, nil): return file.fileName().map { file.located(.file($0)) }
        case (nil, let variable?): return variable.variableName().map { variable.located(.environment($0)) }
        case (_?, let second?):
            second.refuse("\(fileKey.rawValue) already says where the secret is", expected: "one of the two")
            return nil
        case (nil, nil): return nil
        }
    }
}
