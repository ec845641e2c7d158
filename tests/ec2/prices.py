"""AWS's list of prices, as far as it is asked for ("GetProducts", AWS Price List API Reference)."""

import json

# By the values that a product is looked for with; in US dollars an hour, or a month and GB.
PRICES = {
    ("AmazonEC2", "t3.medium"): "0.0480000000",
    ("AmazonEC2", "gp3"): "0.0952000000",
    ("AmazonVPC", "VPCPublicIPv4Address"): "0.0050000000",
}
TARGET = "AWSPriceListService.GetProducts"


def products(body):
    """The answer to a request, in which each product is JSON within JSON."""
    asked = json.loads(body)
    values = {item["Value"] for item in asked["Filters"]}
    found = [
        price
        for (service, name), price in PRICES.items()
        if service == asked["ServiceCode"] and name in values and "eu-central-1" in values
    ]
    listed = [
        {
            "serviceCode": asked["ServiceCode"],
            "terms": {"OnDemand": {"A.B": {"priceDimensions": {"A.B.C": {"pricePerUnit": {"USD": price}}}}}},
        }
        for price in found
    ]
    answer = {"FormatVersion": "aws_v1", "PriceList": [json.dumps(product) for product in listed]}
    return json.dumps(answer).encode()
