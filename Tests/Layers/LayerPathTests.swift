import Layers
import Testing

@Suite struct LayerPathTests {
    @Test("the root has no names")
    func root() {
        #expect(LayerPath.root.names.isEmpty)
    }
}
