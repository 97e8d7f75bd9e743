import Bytes

/// Changes single members of a JSON object and leaves every other byte as it was: order, white space, escapes, integers
/// beyond 2^53, whatever the issuer wrote.
struct JSONSurgery {
    private struct Edit {
        var range: Range<Int>
        var replacement: [UInt8]
    }

    private let object: JSONObject
    /// Sorted, and never overlapping.
    private var edits: [Edit] = []
    /// Behind the last member.
    private var addition: [UInt8] = []
    private(set) var addedMembers = 0

    init(_ object: JSONObject) {
        self.object = object
        edits.reserveCapacity(4)
        addition.reserveCapacity(96)
    }

    /// Gives the member `name` the JSON text `value`, in its place, or behind the last member when there is none. Once a name.
    mutating func set(_ name: TokenMember, _ value: [UInt8]) {
        if let member = object.member(name) {
            insert(Edit(range: member.value, replacement: value))
            return
        }
        if !(object.members.isEmpty && addedMembers == 0) { addition.append(UInt8(ascii: ",")) }
        addition.append(contentsOf: JSONString.quoted(name.rawValue))
        addition.append(UInt8(ascii: ":"))
        addition.append(contentsOf: value)
        addedMembers += 1
    }

    /// Removes the member `name` and one comma beside it. Not for the last one that is left.
    mutating func remove(_ name: TokenMember) {
        guard let index = object.index(of: name) else { return }
        let members = object.members
        if index + 1 < members.count {
            insert(Edit(range: members[index].name.lowerBound - 1..<members[index + 1].name.lowerBound - 1, replacement: []))
        } else if index > 0 {
            insert(Edit(range: members[index - 1].value.upperBound..<members[index].value.upperBound, replacement: []))
        }
    }

    /// The object with all changes made.
    func text() -> [UInt8] {
        let old = object.text
        let insertion = object.members.last?.value.upperBound ?? object.end
        var result: [UInt8] = []
        result.reserveCapacity(object.length + addition.count + 64)
        var position = 0
        for edit in edits {
            result.append(contentsOf: old[position..<edit.range.lowerBound])
            result.append(contentsOf: edit.replacement)
            position = edit.range.upperBound
        }
        result.append(contentsOf: old[position..<max(position, insertion)])
        result.append(contentsOf: addition)
        result.append(contentsOf: old[max(position, insertion)..<object.length])
        return result
    }

    private mutating func insert(_ edit: Edit) {
        let place = edits.firstIndex { $0.range.lowerBound > edit.range.lowerBound } ?? edits.count
        edits.insert(edit, at: place)
    }
}
