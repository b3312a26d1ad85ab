/// Finds the name that a misspelt one probably means.
enum NearestName {
    /// Returns the only one of `names` that begins with `name`; otherwise the only one with the least edit
    /// distance, if that is at most one edit for every three letters. Returns nil if there is none or if
    /// several are equally near.
    static func of(_ name: String, among names: [String]) -> String? {
        let longer = names.filter { name.utf8.count > 2 && $0.hasPrefix(name) }
        if longer.count == 1 { return longer[0] }
        let limit = name.utf8.count / 3
        let distances = names.map { distance(Array(name.utf8), Array($0.utf8)) }
        guard let least = distances.min(), least <= limit else { return nil }
        let nearest = zip(names, distances).filter { $0.1 == least }
        return nearest.count == 1 ? nearest[0].0 : nil
    }

    /// Counts the letters that must be added, removed, replaced or exchanged with their neighbour (optimal
    /// string alignment).
    private static func distance(_ first: [UInt8], _ second: [UInt8]) -> Int {
        var rows = [Array(0...second.count)]
        for (i, letter) in first.enumerated() {
            var row = [i + 1]
            for (j, other) in second.enumerated() {
                var least = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (letter == other ? 0 : 1))
                if i > 0, j > 0, letter == second[j - 1], first[i - 1] == other {
                    least = min(least, rows[i - 1][j - 1] + 1)
                }
                row.append(least)
            }
            rows.append(row)
        }
        return rows[first.count][second.count]
    }
}
