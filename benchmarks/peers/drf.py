"""Django REST framework: model serializers and view sets behind a router, persistent connections, WSGI."""

import os
from urllib.parse import urlsplit

import django
from django.conf import settings

_address = urlsplit(os.environ["BENCH_DATABASE"])

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["rest_framework"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    APPEND_SLASH=False,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _address.path[1:],
            "USER": _address.username,
            "PASSWORD": _address.password,
            "HOST": _address.hostname,
            "PORT": _address.port,
            "CONN_MAX_AGE": None,  # each thread keeps its connection open
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 # after the settings
from django.db import models  # noqa: E402
from django.urls import include, path  # noqa: E402
from rest_framework import pagination, response, routers, serializers, viewsets  # noqa: E402


class Product(models.Model):
    id_key = models.AutoField(primary_key=True)
    name = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=12, decimal_places=2)
    stock = models.IntegerField()
    category_id = models.IntegerField()

    class Meta:
        app_label, db_table, managed = "shop", "products", False


class Client(models.Model):
    id_key = models.AutoField(primary_key=True)
    name = models.CharField(max_length=100)
    lastname = models.CharField(max_length=100)
    email = models.EmailField(unique=True)
    telephone = models.CharField(max_length=21, null=True, blank=True)

    class Meta:
        app_label, db_table, managed = "shop", "clients", False


class ProductSerializer(serializers.ModelSerializer):
    price = serializers.FloatField()

    class Meta:
        model = Product
        fields = ("id_key", "name", "price", "stock", "category_id")


class ClientSerializer(serializers.ModelSerializer):
    class Meta:
        model = Client
        fields = ("id_key", "name", "lastname", "email", "telephone")


class Page(pagination.LimitOffsetPagination):
    """Pagination that returns a plain array and does not count the rows, like the other peers."""

    default_limit, max_limit, offset_query_param = 100, 1000, "skip"

    def paginate_queryset(self, queryset, request, view=None):
        skip = self.get_offset(request)
        return list(queryset[skip : skip + self.get_limit(request)])

    def get_paginated_response(self, data):
        return response.Response(data)


class ProductViewSet(viewsets.ModelViewSet):
    queryset, serializer_class, pagination_class = Product.objects.order_by("id_key"), ProductSerializer, Page


class ClientViewSet(viewsets.ModelViewSet):
    queryset, serializer_class, pagination_class = Client.objects.order_by("id_key"), ClientSerializer, Page


router = routers.DefaultRouter(trailing_slash=False)
router.register("products", ProductViewSet)
router.register("clients", ClientViewSet)
urlpatterns = [path("", include(router.urls))]
application = get_wsgi_application()
