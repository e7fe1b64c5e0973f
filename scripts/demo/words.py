"""Words of the demo shop: products, remarks, and names and places from Faker."""

from typing import NamedTuple

from faker import Faker

# Products of each department, with a typical price.
DEPARTMENTS = {
    "Audio": {"Headphones": 89, "Bookshelf Speaker": 179, "Soundbar": 249, "Record Player": 219, "Microphone": 119},
    "Baking": {"Cake Tin": 14, "Rolling Pin": 12, "Stand Mixer": 299, "Piping Set": 17, "Kitchen Scale": 24},
    "Bathroom": {"Bath Towel": 19, "Shower Head": 45, "Soap Dispenser": 15, "Bath Mat": 22, "Mirror": 79},
    "Bedding": {"Duvet": 99, "Pillow": 35, "Linen Sheet": 49, "Mattress Topper": 139, "Throw Blanket": 39},
    "Camping": {"Tent": 229, "Sleeping Bag": 109, "Camp Stove": 59, "Head Torch": 29, "Folding Chair": 45},
    "Coffee": {"Espresso Machine": 449, "Hand Grinder": 79, "Moka Pot": 34, "Pour-over Set": 39, "Milk Frother": 49},
    "Cycling": {"Helmet": 69, "Bike Pump": 29, "Bike Lock": 49, "Pannier Bag": 89, "Saddle": 59},
    "Desk": {"Notebook": 9, "Fountain Pen": 35, "Pen Tray": 19, "Desk Organizer": 27, "Paper Knife": 11},
    "Fitness": {"Yoga Mat": 39, "Kettlebell": 45, "Skipping Rope": 15, "Foam Roller": 25, "Resistance Band": 12},
    "Footwear": {"Running Shoe": 119, "Hiking Boot": 169, "Sandal": 49, "Wool Slipper": 39, "Rain Boot": 59},
    "Furniture": {"Armchair": 399, "Bookcase": 189, "Dining Table": 549, "Bar Stool": 99, "Bedside Table": 119},
    "Games": {"Board Game": 39, "Jigsaw Puzzle": 19, "Chess Set": 49, "Card Game": 14, "Dice Set": 9},
    "Gardening": {"Pruning Shears": 29, "Watering Can": 24, "Planter": 34, "Garden Fork": 39, "Seed Tray": 12},
    "Kitchen": {"Chef's Knife": 79, "Cast-iron Pan": 59, "Cutting Board": 35, "Saucepan": 49, "Kettle": 65},
    "Lighting": {"Desk Lamp": 59, "Floor Lamp": 129, "Pendant Light": 99, "Night Light": 19, "String Lights": 25},
    "Music": {"Ukulele": 79, "Guitar Strap": 19, "Keyboard Stand": 45, "Metronome": 35, "Drum Practice Pad": 39},
    "Pets": {"Dog Bed": 59, "Cat Tree": 89, "Food Bowl": 15, "Dog Lead": 19, "Aquarium": 149},
    "Photography": {"Tripod": 99, "Camera Bag": 79, "Lens Filter": 45, "Photo Album": 25, "Flash": 159},
    "Tools": {"Cordless Drill": 129, "Hammer": 24, "Screwdriver Set": 35, "Spirit Level": 19, "Tool Box": 49},
    "Travel": {"Suitcase": 159, "Backpack": 99, "Neck Pillow": 25, "Packing Cubes": 29, "Travel Adapter": 22},
}
STYLES = ("Everyday", "Premium", "Kids'", "Compact", "Vintage", "Handmade", "Outdoor", "Professional", "Eco", "Gift")
COLOURS = ("black", "white", "navy", "teal", "olive", "sand", "graphite", "walnut", "oak", "silver", "red", "sage")
REMARKS = {
    1: ("Broke within a week.", "Not what the picture shows.", "I sent it back.", "Came without half its parts."),
    2: ("Feels cheaper than it should.", "Works, but only just.", "Smaller than I thought."),
    3: ("Does what it should.", "Fine for the price.", "Good, though the colour is a little off.", "It is all right."),
    4: ("Very happy with it.", "Solid, and nice to look at.", "Better than the one it replaces.", "Well made."),
    5: ("Could not be better.", "I bought a second one.", "Perfect.", "Use it every day.", "A joy to use."),
}
ENDINGS = ("", " Arrived in two days.", " It was a gift.", " Would order here again.", " The box was dented, though.")


class Words(NamedTuple):
    """Lists of words to draw from. Frequent names appear several times in their list."""

    first_names: list[str]
    last_names: list[str]
    streets: list[str]
    cities: list[str]


def words(seed: int) -> Words:
    """Return the same words for the same seed. Calls Faker 4,000 times: a call for each row would take minutes."""
    fake = Faker("en_US")
    fake.seed_instance(seed)
    sources = (fake.first_name, fake.last_name, fake.street_name, fake.city)
    return Words(*([source() for _ in range(1000)] for source in sources))
