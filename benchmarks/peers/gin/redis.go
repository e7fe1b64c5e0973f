package main

import (
	"errors"
	"log"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gomodule/redigo/redis"
)

const (
	redisConnections = 64
	periodSeconds    = 60
	ttlSeconds       = 300
)

func redisPool(address string) *redis.Pool {
	return &redis.Pool{
		MaxIdle:   redisConnections,
		MaxActive: redisConnections,
		Wait:      true,
		Dial:      func() (redis.Conn, error) { return redis.DialURL(address) },
	}
}

// rateLimit allows an address a number of calls in each period, a fixed window: INCR and EXPIRE in one round trip.
// While Redis is away, it admits.
func rateLimit(pool *redis.Pool, calls int) gin.HandlerFunc {
	limit := strconv.Itoa(calls)
	return func(c *gin.Context) {
		count, err := countCall(pool, c.ClientIP())
		if err != nil {
			log.Print(err)
			return
		}
		if count > calls {
			c.AbortWithStatusJSON(http.StatusTooManyRequests, gin.H{"detail": "Rate limit exceeded"})
			return
		}
		c.Header("X-RateLimit-Limit", limit)
		c.Header("X-RateLimit-Remaining", strconv.Itoa(calls-count))
	}
}

func countCall(pool *redis.Pool, address string) (int, error) {
	connection := pool.Get()
	defer connection.Close()
	window := strconv.FormatInt(time.Now().Unix()/periodSeconds, 10)
	key := "gin:rate_limit:" + address + ":" + window
	if err := connection.Send("INCR", key); err != nil {
		return 0, err
	}
	if err := connection.Send("EXPIRE", key, periodSeconds); err != nil {
		return 0, err
	}
	if err := connection.Flush(); err != nil {
		return 0, err
	}
	count, err := redis.Int(connection.Receive())
	if err != nil {
		return 0, err
	}
	_, err = connection.Receive()
	return count, err
}

// cached returns the stored body, or stores the one that load returns.
func cached(pool *redis.Pool, key string, load func() ([]byte, error)) ([]byte, error) {
	connection := pool.Get()
	defer connection.Close()
	body, err := redis.Bytes(connection.Do("GET", key))
	if !errors.Is(err, redis.ErrNil) {
		return body, err
	}
	if body, err = load(); err != nil {
		return nil, err
	}
	_, err = connection.Do("SETEX", key, ttlSeconds, body)
	return body, err
}
