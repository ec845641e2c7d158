//! What instances cost, by AWS's own list of prices ("Price List Query API", AWS Billing User Guide).

use aws_sdk_ec2::types::InstanceType;
use aws_sdk_pricing::types::{Filter, FilterType};
use futures_util::future;
use jiff::Timestamp;
use serde_json::Value;

use crate::model::Dollars;

use super::client::said;
use super::driver::Ec2Driver;

/// A disk is paid by the month, of which AWS takes this many hours ("Amazon EBS pricing").
const MONTH: f64 = 730.0;

impl Ec2Driver {
    /// What an hour costs of an instance of this type with its disk and its public address, or why that is
    /// not known.
    pub(super) async fn hourly(&self, kind: &str) -> Result<Dollars, String> {
        let mut prices = self.prices.lock().await;
        if let Some(known) = prices.get(kind) {
            return known.clone();
        }
        let parts = future::join3(self.instance(kind), self.disk(), self.address());
        let (instance, disk, address) = Box::pin(parts).await;
        let sum = || Dollars::try_from(instance? + disk? + address?);
        let sum = sum();
        prices.insert(kind.to_owned(), sum.clone());
        sum
    }

    async fn instance(&self, kind: &str) -> Result<f64, String> {
        if self.options.spot {
            return self.spot(kind).await;
        }
        let what = [
            ("instanceType", kind),
            ("operatingSystem", "Linux"),
            ("tenancy", "Shared"),
            ("preInstalledSw", "NA"),
            ("capacitystatus", "Used"),
        ];
        self.listed("AmazonEC2", kind, &what).await
    }

    /// What it costs at this moment where it costs most.
    async fn spot(&self, kind: &str) -> Result<f64, String> {
        let now = aws_sdk_ec2::primitives::DateTime::from_secs(Timestamp::now().as_second());
        let history = self
            .ec2()
            .describe_spot_price_history()
            .instance_types(InstanceType::from(kind))
            .product_descriptions("Linux/UNIX")
            .start_time(now);
        let history = history.send().await.map_err(|error| said(&error).to_string())?;
        let prices = history.spot_price_history.unwrap_or_default();
        let prices = prices.iter().filter_map(|price| price.spot_price()?.parse().ok());
        prices.reduce(f64::max).ok_or_else(|| format!("no spot price of {kind} is known"))
    }

    async fn disk(&self) -> Result<f64, String> {
        let kind = self.options.volume_type.as_str();
        let what = [("productFamily", "Storage"), ("volumeApiName", kind)];
        let month = self.listed("AmazonEC2", kind, &what).await?;
        Ok(month * f64::from(self.options.volume_size) / MONTH)
    }

    async fn address(&self) -> Result<f64, String> {
        if self.options.private {
            return Ok(0.0);
        }
        let what = [("group", "VPCPublicIPv4Address")];
        self.listed("AmazonVPC", "public IPv4 address", &what).await
    }

    /// The price on demand of the one product that is so.
    async fn listed(
        &self,
        service: &str,
        name: &str,
        what: &[(&str, &str)],
    ) -> Result<f64, String> {
        let region = ("regionCode", self.account.region.as_str());
        let mut ask = self.account.prices.get_products().service_code(service);
        for (field, value) in what.iter().copied().chain([region]) {
            let filter = Filter::builder().field(field).value(value).r#type(FilterType::TermMatch);
            ask = ask.filters(filter.build().map_err(|error| error.to_string())?);
        }
        let list = ask.send().await.map_err(|error| said(&error).to_string())?;
        let prices = list.price_list().iter().filter_map(|product| on_demand(product));
        prices
            .reduce(f64::max)
            .ok_or_else(|| format!("AWS lists no price of {name} in {}", region.1))
    }
}

/// The price of a product on demand, in US dollars a unit; some dimensions are free.
fn on_demand(product: &str) -> Option<f64> {
    let product: Value = serde_json::from_str(product).ok()?;
    let terms = product["terms"]["OnDemand"].as_object()?;
    let dimensions = terms.values().filter_map(|term| term["priceDimensions"].as_object());
    let prices = dimensions.flat_map(|dimensions| dimensions.values());
    let prices = prices.filter_map(|price| price["pricePerUnit"]["USD"].as_str()?.parse().ok());
    prices.reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_read_from_the_list() {
        let product = r#"{"product": {"attributes": {"instanceType": "t3.medium"}}, "terms": {
            "OnDemand": {"A.B": {"priceDimensions": {"A.B.C": {
                "unit": "Hrs", "pricePerUnit": {"USD": "0.0480000000"}}}}},
            "Reserved": {"A.D": {"priceDimensions": {"A.D.E": {
                "unit": "Hrs", "pricePerUnit": {"USD": "0.0100000000"}}}}}}}"#;
        assert_eq!(on_demand(product), Some(0.048));
        assert_eq!(on_demand("{}"), None);
    }
}
