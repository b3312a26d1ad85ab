import Comparison
import Testing

@Suite struct DistributionTests {
    @Test("quantiles lie between the neighbours in order")
    func quantiles() {
        let distribution = Distribution([4, 1, 3, 2, 5])
        #expect(distribution.minimum == 1 && distribution.maximum == 5)
        #expect(distribution.quantile(0.5) == 3)
        #expect(abs(distribution.quantile(0.9) - 4.6) < 1e-12)
        #expect(Distribution([7]).quantile(0.99) == 7)
    }
}
